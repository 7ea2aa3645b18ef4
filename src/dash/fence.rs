//! What stands behind the backticks of a fence: `sql by_zone bar x=zone y=trips title="Trips by zone"`.

use std::collections::BTreeMap;

use crate::error::nearest;

/// How rows are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chart {
    Table,
    Value,
    Bar,
    Line,
    Area,
    Scatter,
    Pie,
    Heatmap,
    Histogram,
    Map,
}

impl Chart {
    const ALL: &[(&str, Self)] = &[
        ("table", Self::Table),
        ("value", Self::Value),
        ("bar", Self::Bar),
        ("line", Self::Line),
        ("area", Self::Area),
        ("scatter", Self::Scatter),
        ("pie", Self::Pie),
        ("heatmap", Self::Heatmap),
        ("histogram", Self::Histogram),
        ("map", Self::Map),
    ];

    /// As pages name it.
    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, chart)| *chart == self).map_or("", |(name, _)| name)
    }

    fn parse(word: &str) -> Result<Self, String> {
        match Self::ALL.iter().find(|(name, _)| *name == word) {
            Some((_, chart)) => Ok(*chart),
            None => Err(unknown("chart", word, Self::ALL.iter().map(|(name, _)| *name))),
        }
    }
}

/// Options that name columns of the query, one or several with commas between; and those that are anything else.
const COLUMNS: &[&str] = &["x", "y", "color", "compare", "facet", "spark", "lat", "lon", "size"];
const OTHERS: &[&str] = &[
    "title",
    "format",
    "help",
    "height",
    "stack",
    "sort",
    "horizontal",
    "bins",
    "filter",
    "ttl",
    "shapes",
    "key",
    "share",
];

/// Options that only these charts have.
const OF: &[(&str, &[Chart])] = &[
    ("facet", &[Chart::Bar, Chart::Line, Chart::Area, Chart::Scatter, Chart::Histogram]),
    ("spark", &[Chart::Table]),
    ("lat", &[Chart::Map]),
    ("lon", &[Chart::Map]),
    ("size", &[Chart::Map]),
    ("shapes", &[Chart::Map]),
    ("key", &[Chart::Map]),
];

/// What `sort` may be.
const ORDERS: &[&str] = &["x", "-x", "y", "-y"];

/// Which shapes a map has, instead of countries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Given {
    /// A GeoJSON file, by its path below the folder of pages.
    pub file: String,
    pub joined: Joined,
}

/// What of a shape the rows of a map name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Joined {
    /// The feature's `id`, or, where none has one, its property `name`.
    Usual,
    /// That property, or the feature's `id`, which is called so.
    By(String),
    /// Nothing: the shapes lie under points.
    Nothing,
}

/// How a query is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Drawn {
    pub chart: Chart,
    pub options: BTreeMap<String, String>,
}

impl Drawn {
    /// The columns that it says, each with the option that says it.
    pub(super) fn columns(&self) -> impl Iterator<Item = (&str, &str)> {
        let named = self.options.iter().filter(|(name, _)| COLUMNS.contains(&name.as_str()));
        named.flat_map(|(name, value)| {
            let most = if self.takes_several(name) { usize::MAX } else { 1 };
            value.splitn(most, ',').map(move |column| (name.as_str(), column.trim()))
        })
    }

    /// Whether an option may name several columns, with commas between.
    fn takes_several(&self, option: &str) -> bool {
        match option {
            "y" => matches!(self.chart, Chart::Bar | Chart::Line | Chart::Area | Chart::Scatter),
            other => other == "spark",
        }
    }

    /// Whether the column that an option names has to be one of lists of numbers.
    pub(super) fn wants_lists(&self, option: &str) -> bool {
        option == "spark"
    }

    /// Whether the column that an option names has to be one of numbers.
    pub(super) fn wants_numbers(&self, option: &str) -> bool {
        match self.chart {
            Chart::Bar | Chart::Line | Chart::Area | Chart::Scatter | Chart::Pie => option == "y",
            Chart::Heatmap => option == "color",
            Chart::Histogram => option == "x",
            Chart::Map => {
                ["lat", "lon", "size", "y"].contains(&option) || option == "color" && !self.options.contains_key("lat")
            }
            Chart::Table | Chart::Value => false,
        }
    }

    /// Seconds that an answer is kept for where the page is deployed, though the tables may have changed.
    pub(super) fn ttl_s(&self) -> Option<u32> {
        self.options.get("ttl").and_then(|value| seconds(value))
    }

    /// The shapes that it has, if they are the page's own.
    pub(super) fn shapes(&self) -> Option<Given> {
        let file = self.options.get("shapes")?.clone();
        let joined = match self.options.get("key") {
            _ if self.options.contains_key("lat") => Joined::Nothing,
            Some(key) => Joined::By(key.clone()),
            None => Joined::Usual,
        };
        Some(Given { file, joined })
    }

    /// The input that a click on a mark sets.
    pub(super) fn filter(&self) -> Option<&str> {
        self.options.get("filter").map(String::as_str)
    }
}

/// What a fence begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fence {
    /// A query by its name; without a chart it is there for inputs and other queries. Whether it is run once for those that read it is
    /// found out where nothing is said.
    Sql { name: String, drawn: Option<Drawn>, share: Option<bool> },
    /// An input by its name.
    Input { name: String },
    /// Code that is shown.
    Code,
}

/// Reads what stands behind the backticks.
///
/// # Errors
/// What is wrong with it, for whoever wrote the page.
pub(super) fn parse(info: &str) -> Result<Fence, String> {
    // What is no fence of ours may be anything.
    let kind = info.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    if !["sql", "input"].contains(&kind.as_str()) {
        return Ok(Fence::Code);
    }
    let words = words(info)?;
    let rest = match words.split_first() {
        Some((_, rest)) if !rest.is_empty() => rest,
        // SQL without a name is code that is shown.
        _ => return Ok(Fence::Code),
    };
    let (name, rest) = rest.split_first().map(|(name, rest)| (name.clone(), rest)).unwrap_or_default();
    if !is_variable(&name) {
        return Err(format!(
            "`{name}` is no name for {}: letters, digits and `_`, not a digit first, 63 at most, e.g. by_zone",
            if kind == "sql" { "a query" } else { "an input" }
        ));
    }
    if kind == "input" {
        return match rest.first() {
            Some(more) => {
                Err(format!("`{more}` behind `input {name}`: what the input is like stands below, `type: date`"))
            }
            None => Ok(Fence::Input { name }),
        };
    }
    let share = |word: &str| word.strip_prefix("share=").map(str::to_owned);
    let (drawn, said) = match rest.split_first() {
        None => (None, None),
        // Without a chart, nothing else can be said.
        Some((word, [])) if share(word).is_some() => (None, share(word)),
        Some((chart, options)) => {
            let drawn = drawn(chart, options)?;
            let said = drawn.options.get("share").cloned();
            (Some(drawn), said)
        }
    };
    said.iter().try_for_each(|value| check("share", value))?;
    Ok(Fence::Sql { name, drawn, share: said.map(|value| value == "true") })
}

/// What can stand behind a `$`, and be the name of a query.
pub(super) fn is_variable(name: &str) -> bool {
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    first && name.len() <= 63 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn drawn(chart: &str, words: &[String]) -> Result<Drawn, String> {
    if chart.contains('=') {
        return Err(format!("`{chart}` where the chart is named: e.g. `bar {chart}`"));
    }
    let chart = Chart::parse(chart)?;
    let mut options = BTreeMap::new();
    for word in words {
        let Some((name, value)) = word.split_once('=') else {
            return Err(format!(
                "`{word}` is no option: write {word}=..., in quotes where it has blanks; around `=` and commas there are none"
            ));
        };
        if !COLUMNS.contains(&name) && !OTHERS.contains(&name) {
            return Err(unknown("option", name, COLUMNS.iter().chain(OTHERS).copied()));
        }
        if value.is_empty() {
            return Err(format!("`{name}=` says nothing: give it a value, or leave it away"));
        }
        if let Some((_, charts)) = OF.iter().find(|(option, charts)| *option == name && !charts.contains(&chart)) {
            let charts = charts.iter().map(|chart| chart.name()).collect::<Vec<_>>().join(", ");
            return Err(format!("`{word}`: a {} has no `{name}`; it is there for {charts}", chart.name()));
        }
        check(name, value)?;
        if options.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(format!("`{name}` is said twice"));
        }
    }
    if options.contains_key("lat") != options.contains_key("lon") {
        return Err("a map of points has both: `lat`, degrees north, and `lon`, degrees east".to_owned());
    }
    if options.contains_key("size") && !options.contains_key("lat") {
        return Err("`size` is that of points: `lat` and `lon` say where they are".to_owned());
    }
    if options.contains_key("key") && !options.contains_key("shapes") {
        return Err("`key` is what rows name of shapes: `shapes=FILE.geojson` says which there are".to_owned());
    }
    if options.contains_key("key") && options.contains_key("lat") {
        return Err("`key` says which shape a row is about, and these are points: leave it away".to_owned());
    }
    Ok(Drawn { chart, options })
}

/// Refuses a value that is none of its option's.
fn check(name: &str, value: &str) -> Result<(), String> {
    let is_whole = |most: u32| value.parse::<u32>().is_ok_and(|number| (1..=most).contains(&number));
    let is_flag = matches!(value, "true" | "false");
    let allowed = match name {
        "sort" if !ORDERS.contains(&value) => "x, -x, y or -y",
        "stack" | "horizontal" | "share" if !is_flag => "true or false",
        "height" if !is_whole(4000) => "pixels, 1 to 4000",
        "bins" if !is_whole(1000) => "a number, 1 to 1000",
        "filter" if !is_variable(value) => "the name of an input",
        "ttl" if seconds(value).is_none() => "a time of up to a day: 30s, 5m, 1h",
        "shapes" if !is_below(value) => {
            "a GeoJSON file in dashboards/, by its path there, e.g. zones.geojson or geo/zones.geojson"
        }
        "format" if !is_format(value) => "number, percent, usd, compact, date, or decimals such as 0.00",
        _ => return Ok(()),
    };
    Err(format!("`{name}={value}`: it is {allowed}"))
}

/// Whether it is the path of a GeoJSON file below a folder: no way leads up from there, nor to what is hidden.
pub(super) fn is_below(path: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', ':']);
    let is_geojson = path.ends_with(".geojson") || path.ends_with(".json");
    is_geojson && path.len() <= 200 && !path.chars().any(char::is_control) && path.split('/').all(is_part)
}

/// A time, 1 second to a day.
fn seconds(value: &str) -> Option<u32> {
    let (number, unit) = value.split_at(value.find(|c: char| !c.is_ascii_digit())?);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    number.parse::<u32>().ok()?.checked_mul(unit).filter(|seconds| (1..=86_400).contains(seconds))
}

fn is_format(value: &str) -> bool {
    let decimals = value.strip_prefix('0').map(|rest| rest.strip_prefix('.').unwrap_or(rest));
    ["number", "percent", "usd", "compact", "date"].contains(&value)
        || decimals.is_some_and(|rest| rest.chars().all(|digit| digit == '0'))
}

fn unknown<'a>(what: &str, word: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let hint = match nearest(word, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", known.collect::<Vec<_>>().join(", ")),
    };
    format!("there is no {what} `{word}`; {hint}")
}

/// The words of a line: blanks are between them, unless they are in quotes.
fn words(line: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quote, mut is_open) = (Vec::new(), String::new(), None, false);
    for c in line.chars() {
        match quote {
            Some(end) if c == end => quote = None,
            Some(_) => word.push(c),
            None if c == '"' || c == '\'' => (quote, is_open) = (Some(c), true),
            None if c.is_whitespace() => {
                if is_open || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                is_open = false;
            }
            None => word.push(c),
        }
    }
    if let Some(quote) = quote {
        return Err(format!("the quote {quote} is not closed"));
    }
    if is_open || !word.is_empty() {
        words.push(word);
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_says_what_it_is() {
        let Ok(Fence::Sql { name, drawn: Some(drawn), share: None }) =
            parse(r#"sql by_zone bar x=zone y=trips,fares title="Trips, 'by' zone""#)
        else {
            panic!("a query");
        };
        assert_eq!((name.as_str(), drawn.chart), ("by_zone", Chart::Bar));
        assert_eq!(drawn.options["title"], "Trips, 'by' zone");
        assert_eq!(drawn.columns().collect::<Vec<_>>(), [("x", "zone"), ("y", "trips"), ("y", "fares")]);
        let Ok(Fence::Sql { drawn: Some(small), .. }) = parse("sql a table spark=a,b") else { panic!("a query") };
        assert_eq!(small.columns().collect::<Vec<_>>(), [("spark", "a"), ("spark", "b")]);
        let Ok(Fence::Sql { drawn: Some(kept), .. }) = parse("sql a table ttl=5m") else { panic!("a query") };
        assert_eq!((kept.ttl_s(), drawn.ttl_s()), (Some(300), None));
        assert_eq!(parse("sql zones").unwrap(), Fence::Sql { name: "zones".into(), drawn: None, share: None });
        for (info, said) in [("sql a share=true", true), ("sql a table share=false", false)] {
            assert!(matches!(parse(info), Ok(Fence::Sql { share, .. }) if share == Some(said)), "{info}");
        }
        for (info, joined) in [
            ("sql a map x=z shapes=geo/zones.geojson key=zone_id", Joined::By("zone_id".into())),
            ("sql a map x=z shapes=geo/zones.geojson", Joined::Usual),
            ("sql a map lat=b lon=l shapes=geo/zones.geojson", Joined::Nothing),
        ] {
            let Ok(Fence::Sql { drawn: Some(drawn), .. }) = parse(info) else { panic!("a query") };
            assert_eq!(drawn.shapes(), Some(Given { file: "geo/zones.geojson".into(), joined }), "{info}");
        }
        assert_eq!(parse("input day").unwrap(), Fence::Input { name: "day".into() });
        // Its word is in any case, as SQL's are.
        assert_eq!(parse("SQL zones").unwrap(), Fence::Sql { name: "zones".into(), drawn: None, share: None });
        assert_eq!(parse("Input Day").unwrap(), Fence::Input { name: "Day".into() });
        for code in ["", "sql", "SQL", "rust", "input", "text it's", "sqlite it's"] {
            assert_eq!(parse(code).unwrap(), Fence::Code, "{code}");
        }
    }

    #[test]
    fn what_is_wrong_is_quoted() {
        for (info, said) in [
            ("sql 1x", "`1x` is no name"),
            ("sql a baz", "did you mean `bar`"),
            ("sql a x=1", "e.g. `bar x=1`"),
            ("sql a bar zone", "`zone` is no option"),
            ("sql a bar yy=1", "no option `yy`"),
            ("sql a bar x=", "`x=` says nothing"),
            ("sql a bar x=a x=b", "`x` is said twice"),
            ("sql a bar title=\"x", "is not closed"),
            ("sql a bar sort=up", "`sort=up`"),
            ("sql a bar height=0", "pixels"),
            ("sql a pie facet=z", "a pie has no `facet`; it is there for bar, line"),
            ("sql a line spark=z", "it is there for table"),
            ("sql a bar lat=b", "a bar has no `lat`"),
            ("sql a map lat=b", "has both"),
            ("sql a map size=b", "`lat` and `lon` say where"),
            ("sql a share=yes", "`share=yes`"),
            ("sql a share=true bar", "e.g. `bar share=true`"),
            ("sql a bar shapes=z.geojson", "a bar has no `shapes`"),
            ("sql a map key=zone", "`shapes=FILE.geojson` says which"),
            ("sql a map lat=b lon=l shapes=z.geojson key=zone", "these are points"),
            ("sql a map shapes=../z.geojson", "`shapes=../z.geojson`: it is a GeoJSON file in dashboards/"),
            ("sql a map shapes=/etc/z.geojson", "by its path there"),
            ("sql a map shapes=a//z.geojson", "by its path there"),
            ("sql a map shapes=a/.git/z.json", "by its path there"),
            ("sql a map shapes=a\\..\\z.json", "by its path there"),
            ("sql a map shapes=https://a/z.geojson", "by its path there"),
            ("sql a map shapes=z.shp", "by its path there"),
            ("sql a bar ttl=0s", "`ttl=0s`"),
            ("sql a bar ttl=25h", "up to a day"),
            ("sql a value format=eur", "`format=eur`"),
            ("input day date", "stands below"),
        ] {
            let words = parse(info).unwrap_err();
            assert!(words.contains(said), "{info}: {words}");
        }
    }
}
