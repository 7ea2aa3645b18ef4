//! An input as HTML.

use serde_json::json;

use crate::escape::escaped;
use crate::input::{Day, Given, Input, Kind, LONGEST, Options};

/// What a choice of nothing looks like, as the pages' script has it (`web/src/inputs.ts`).
const NOTHING: &str = "–";

/// The field of an input, with what is given; of one whose choice is a query's rows, `inputs` are those that the query has.
pub fn html(input: &Input, given: &Given, inputs: Option<&str>) -> String {
    let (name, label) = (escaped(&input.name), escaped(&input.label));
    let own = value(input, &input.name, given).map(|value| escaped(&value)).unwrap_or_default();
    let labelled = |kind: &str, field: &str| {
        format!("<label class=\"input\" data-type=\"{kind}\"><span>{label}</span>{field}</label>\n")
    };
    match &input.kind {
        Kind::Date { default, min, max } => {
            let bound = |name: &str, day: &Option<Day>| {
                day.map(|day| format!(" {name}=\"{}\"", day.date())).unwrap_or_default()
            };
            labelled(
                "date",
                &format!(
                    "<input type=\"date\" name=\"{name}\" value=\"{own}\" data-default=\"{}\"{}{}>",
                    default.date(),
                    bound("min", min),
                    bound("max", max)
                ),
            )
        }
        Kind::Range { from, to } => {
            let end = |end: &str, default: &Day| {
                let name = input.end(end);
                let own = value(input, &name, given).unwrap_or_default();
                format!(
                    "<input type=\"date\" name=\"{}\" value=\"{}\" data-default=\"{}\" aria-label=\"{label}: {end}\">",
                    escaped(&name),
                    escaped(&own),
                    default.date()
                )
            };
            format!(
                "<fieldset class=\"input\" data-type=\"range\"><legend>{label}</legend>{}{}</fieldset>\n",
                end("from", from),
                end("to", to)
            )
        }
        Kind::Select { options, default } => {
            let default = escaped(default.as_deref().unwrap_or_default());
            let chosen = value(input, &input.name, given);
            let (query, mut listed) = choice(options, chosen.as_slice(), inputs);
            // Without it the browser would choose the first.
            if matches!(options, Options::Said(_)) && (chosen.is_none() || default.is_empty()) {
                listed.insert_str(0, &format!("<option value=\"\">{NOTHING}</option>"));
            }
            labelled(
                "select",
                &format!(
                    "<select name=\"{name}\" data-default=\"{default}\" data-value=\"{own}\"{query}>{listed}</select>"
                ),
            )
        }
        Kind::Multiselect { options, default, .. } => {
            let values = chosen(input, default, given);
            let (query, listed) = choice(options, &values, inputs);
            labelled(
                "multiselect",
                &format!(
                    "<select multiple name=\"{name}\" data-default=\"{}\" data-value=\"{}\"{query}>{listed}</select>",
                    escaped(&json!(default).to_string()),
                    escaped(&json!(values).to_string())
                ),
            )
        }
        Kind::Text { default } => labelled(
            "text",
            &format!(
                "<input type=\"search\" name=\"{name}\" value=\"{own}\" data-default=\"{}\" maxlength=\"{LONGEST}\">",
                escaped(default)
            ),
        ),
        Kind::Number { default, min, max, step, is_whole } => {
            let bound =
                |name: &str, bound: &Option<f64>| bound.map(|bound| format!(" {name}=\"{bound}\"")).unwrap_or_default();
            let step = step.map_or_else(|| if *is_whole { "1" } else { "any" }.to_owned(), |step| step.to_string());
            labelled(
                "number",
                &format!(
                    "<input type=\"number\" name=\"{name}\" value=\"{own}\" data-default=\"{default}\" step=\"{step}\"{}{}>",
                    bound("min", min),
                    bound("max", max)
                ),
            )
        }
        Kind::Switch { default } => {
            let checked = if own == "true" { " checked" } else { "" };
            format!(
                "<label class=\"input\" data-type=\"switch\"><input type=\"checkbox\" name=\"{name}\" \
                 data-default=\"{default}\"{checked}><span>{label}</span></label>\n"
            )
        }
        // The sections of the page are its values.
        Kind::Row { .. } => String::new(),
    }
}

/// The value of an input's parameter `name`, for people; nothing where it has no such parameter. Of a choice of nothing it is what its field
/// shows.
pub fn told(input: &Input, name: &str, given: &Given) -> Option<String> {
    let parameters = input.parameters();
    let (parameter, _) = parameters.iter().find(|(known, _)| known == name)?;
    let told = match &input.kind {
        Kind::Multiselect { default, .. } => chosen(input, default, given).join(", "),
        _ => value(input, parameter, given).unwrap_or_default(),
    };
    let is_choice = matches!(input.kind, Kind::Select { .. } | Kind::Multiselect { .. });
    Some(if is_choice && told.is_empty() { NOTHING.to_owned() } else { told })
}

/// The values of a list, unless they are none of its input's.
fn chosen(input: &Input, default: &[String], given: &Given) -> Vec<String> {
    let values = given.get(&input.name).filter(|_| input.values(given).is_ok());
    values.map_or(default, Vec::as_slice).iter().filter(|value| !value.is_empty()).cloned().collect()
}

/// The value of a parameter as its input takes it: what is given, unless it is none.
fn value(input: &Input, name: &str, given: &Given) -> Option<String> {
    let values = input.values(given).or_else(|_| input.values(&Given::new()));
    values.ok()?.remove(name).flatten()
}

/// What says where a choice is from, and the options that are known.
fn choice(options: &Options, chosen: &[String], inputs: Option<&str>) -> (String, String) {
    match options {
        Options::Query(query) => {
            let inputs = escaped(inputs.unwrap_or_default());
            (format!(" data-query=\"{}\" data-inputs=\"{inputs}\"", escaped(query)), String::new())
        }
        Options::Said(all) => {
            let option = |text: &String| {
                let selected = if chosen.contains(text) { " selected" } else { "" };
                format!("<option{selected}>{}</option>", escaped(text))
            };
            (String::new(), all.iter().map(option).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(kind: &str, given: &[(&str, &str)]) -> String {
        let given: Given = given.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect();
        let kind = serde_json::from_str(kind).unwrap();
        html(&Input { name: "it".into(), label: "<b>".into(), kind, line: 1 }, &given, Some("day"))
    }

    #[test]
    fn fields_have_what_is_given_unless_it_is_none() {
        let date = r#"{"date": {"default": {"fixed": "2019-04-01"}, "max": {"fixed": "2019-04-30"}}}"#;
        assert!(shown(date, &[("it", "2019-04-02")]).contains("value=\"2019-04-02\" data-default=\"2019-04-01\" max="));
        assert!(shown(date, &[("it", "\"><script>")]).contains("value=\"2019-04-01\""));
        let html = shown(r#"{"select": {"options": {"said": ["<a>", "b"]}, "default": "b"}}"#, &[("it", "<a>")]);
        assert!(html.contains("<option selected>&lt;a&gt;</option><option>b</option>"), "{html}");
        let none = shown(r#"{"select": {"options": {"said": ["a"]}}}"#, &[]);
        assert!(none.contains("><option value=\"\">–</option><option>a<"), "{none}");
        let listed = r#"{"multiselect": {"options": {"said": ["a", "b"]}, "default": ["a"], "of": "VARCHAR"}}"#;
        let refused = shown(listed, &[("it", "x")]);
        assert!(refused.contains("data-value=\"[&quot;a&quot;]\"><option selected>a<"), "{refused}");
        let text = shown(r#"{"text": {"default": ""}}"#, &[("it", "\" onfocus=\"x")]);
        assert!(text.contains("value=\"&quot; onfocus=&quot;x\"") && text.contains("<span>&lt;b&gt;</span>"), "{text}");
        let many = r#"{"multiselect": {"options": {"query": "zones"}, "default": ["a"], "of": "VARCHAR"}}"#;
        let many = shown(many, &[]);
        assert!(
            many.contains("data-value=\"[&quot;a&quot;]\" data-query=\"zones\" data-inputs=\"day\"></select>"),
            "{many}"
        );
        assert!(shown(r#"{"switch": {"default": true}}"#, &[]).contains(" checked"));
        let number = shown(r#"{"number": {"default": 0.5, "min": 0, "is_whole": false}}"#, &[]);
        assert!(number.contains("step=\"any\" min=\"0\""), "{number}");
        let range = r#"{"range": {"from": {"fixed": "2019-01-01"}, "to": {"ago": 0}}}"#;
        assert!(shown(range, &[]).contains("name=\"it_from\" value=\"2019-01-01\""));
    }

    #[test]
    fn a_choice_of_nothing_is_told() {
        let told = |kind: &str, given: &[&str]| {
            let input =
                Input { name: "it".into(), label: "it".into(), kind: serde_json::from_str(kind).unwrap(), line: 1 };
            let given: Vec<String> = given.iter().map(|value| (*value).to_owned()).collect();
            let given = if given.is_empty() { Given::new() } else { Given::from([("it".to_owned(), given)]) };
            told(&input, "it", &given).unwrap()
        };
        let one = r#"{"select": {"options": {"said": ["a"]}, "default": null}}"#;
        assert_eq!((told(one, &[]).as_str(), told(one, &["a"]).as_str()), ("–", "a"));
        let one = r#"{"select": {"options": {"query": "zones"}, "default": "a"}}"#;
        assert_eq!((told(one, &[]).as_str(), told(one, &[""]).as_str()), ("a", "–"));
        let many = r#"{"multiselect": {"options": {"said": ["a", "b"]}, "default": ["a", "b"], "of": "VARCHAR"}}"#;
        assert_eq!((told(many, &[]).as_str(), told(many, &[""]).as_str()), ("a, b", "–"));
        // A text that is empty is that text.
        assert_eq!(told(r#"{"text": {"default": ""}}"#, &[]), "");
    }
}
