//! Shapes as browsers get them: GeoJSON that was written here, called after its content.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use quack_page::site::{MOST_SHAPES_BYTES, shapes_name};
use serde_json::Value;

use super::super::fence::{Drawn, Given, Joined};
use super::super::file::FOLDER;
use super::super::page::{Page, Query};
use super::geojson::{self, Shape};
use super::ring::{PARTS, Ring};
use super::source;
use crate::digest;

/// Most bytes of the shapes of a page, as they are written.
const MOST_BYTES: usize = 16 << 20;

/// The shapes of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    /// With a digest of `json` in it.
    pub name: String,
    pub json: Vec<u8>,
}

/// The shapes of a page's maps, by the names of their queries.
#[derive(Debug, Default)]
pub(in super::super) struct Shapes(BTreeMap<String, Arc<Written>>);

impl Shapes {
    /// Those of a page of the project in `dir`.
    ///
    /// # Errors
    /// What is wrong with their files, each with the query that draws it.
    pub(in super::super) fn of<'a>(page: &'a Page, dir: &Path) -> Result<Self, Vec<(&'a Query, String)>> {
        let (mut known, mut shapes, mut problems) =
            (BTreeMap::<Given, Arc<Written>>::new(), BTreeMap::new(), Vec::new());
        for query in &page.queries {
            let Some(given) = query.drawn.as_ref().and_then(Drawn::shapes) else { continue };
            let made = match known.get(&given) {
                Some(made) => Ok(made.clone()),
                None => written(dir, &given).map(Arc::new),
            };
            match made {
                Ok(made) => {
                    known.insert(given, made.clone());
                    shapes.insert(query.name.clone(), made);
                }
                Err(words) => problems.push((query, words)),
            }
            if known.values().map(|made| made.json.len()).sum::<usize>() > MOST_BYTES {
                let words = format!("the shapes of the page are more than {} MiB", MOST_BYTES >> 20);
                return Err(vec![(query, format!("{words}: make them coarser, or make several pages of it"))]);
            }
        }
        if problems.is_empty() { Ok(Self(shapes)) } else { Err(problems) }
    }

    /// What is wrong, each with the line that draws it, in one text.
    pub(in super::super) fn told(page: &Page, problems: &[(&Query, String)]) -> String {
        let line = |(query, words): &(&Query, String)| {
            format!("{FOLDER}/{}.md:{}: `{}`: {words}", page.name, query.line, query.name)
        };
        problems.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Where a browser finds those of a query of that page.
    pub(in super::super) fn address(&self, page: &str, query: &str) -> Option<String> {
        self.0.get(query).map(|shapes| address(page, &shapes.name))
    }

    /// Each once, by its name.
    pub(in super::super) fn all(&self) -> BTreeMap<&str, &Written> {
        self.0.values().map(|shapes| (shapes.name.as_str(), &**shapes)).collect()
    }
}

/// Where a browser finds the shapes of that name, on that page.
pub(in super::super) fn address(page: &str, name: &str) -> String {
    format!("/shapes/{page}/{name}")
}

/// The shapes that a map of the project in `dir` is given.
///
/// # Errors
/// What is wrong with their file, in words.
pub(in super::super) fn written(dir: &Path, given: &Given) -> Result<Written, String> {
    let Given { file, joined } = given;
    let text = source::text(dir, file)?;
    let wrong = |words: String| format!("`{FOLDER}/{file}` {words}");
    let shapes = geojson::parse(&text, joined).map_err(wrong)?;
    let json = json(&shapes, joined);
    if json.len() > MOST_SHAPES_BYTES {
        let most = MOST_SHAPES_BYTES >> 20;
        return Err(wrong(format!(
            "comes to more than {most} MiB: make it coarser, e.g. `ogr2ogr -simplify 0.0005 SMALLER.geojson FILE.geojson`"
        )));
    }
    Ok(Written { name: shapes_name(&digest::short(&json)), json: json.into_bytes() })
}

fn json(shapes: &[Shape], joined: &Joined) -> String {
    let mut json = String::from("{\"type\":\"FeatureCollection\",\"features\":[");
    // Writing to a string does not fail.
    for (at, Shape { key, name, polygons }) in shapes.iter().enumerate() {
        json.push_str(if at > 0 { ",{\"type\":\"Feature\"" } else { "{\"type\":\"Feature\"" });
        if let Some(key) = key {
            _ = write!(json, ",\"id\":{}", Value::from(key.as_str()));
        }
        // Under points, nobody asks what a shape is called.
        let name = name.as_deref().filter(|_| *joined != Joined::Nothing);
        let properties = name.map_or_else(String::new, |name| format!("\"name\":{}", Value::from(name)));
        _ = write!(json, ",\"properties\":{{{properties}}},\"geometry\":{{\"type\":\"MultiPolygon\",\"coordinates\":[");
        for (at, polygon) in polygons.iter().enumerate() {
            json.push_str(if at > 0 { ",[" } else { "[" });
            for (at, ring) in polygon.iter().enumerate() {
                json.push_str(if at > 0 { "," } else { "" });
                write_ring(&mut json, ring);
            }
            json.push(']');
        }
        json.push_str("]}}");
    }
    json.push_str("]}");
    json
}

/// A ring, closed.
fn write_ring(json: &mut String, ring: &Ring) {
    json.push('[');
    for (at, [east, north]) in ring.iter().chain(ring.first()).enumerate() {
        json.push_str(if at > 0 { ",[" } else { "[" });
        write_degrees(json, *east);
        json.push(',');
        write_degrees(json, *north);
        json.push(']');
    }
    json.push(']');
}

/// Degrees, without zeros at the end.
fn write_degrees(json: &mut String, parts: i32) {
    let (whole, part) = (parts / PARTS, (parts % PARTS).abs());
    let sign = if parts < 0 { "-" } else { "" };
    _ = write!(json, "{sign}{}", whole.abs());
    if part != 0 {
        let digits = format!("{part:05}");
        _ = write!(json, ".{}", digits.trim_end_matches('0'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZONES: &str = r#"{"type":"FeatureCollection","name":"secret","features":[
        {"type":"Feature","properties":{"zone":132,"name":"JFK </script>","__proto__":{"a":1},"secret":"x"},
         "geometry":{"type":"Polygon","coordinates":[[[-73.8,40.6],[-73.7,40.6],[-73.700001,40.7],[-73.8,40.7],[-73.8,40.6]]]}},
        {"type":"Feature","properties":{"zone":"__proto__"},
         "geometry":{"type":"MultiPolygon","coordinates":[[[[-0.5,-0.00001],[0.5,0],[0,1]]]]}}]}"#;

    fn project(zones: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join(FOLDER).join("geo")).unwrap();
        std::fs::write(dir.path().join(FOLDER).join("geo/zones.geojson"), zones).unwrap();
        dir
    }

    fn page(key: &str) -> Page {
        let fence =
            |name: &str, more: &str| format!("```sql {name} map shapes=geo/zones.geojson {more}\nSELECT 1\n```\n");
        let text =
            fence("a", key) + &fence("b", key) + &fence("c", "lat=b lon=l") + "```sql d map x=z\nSELECT 1\n```\n";
        Page::parse("x", &text).unwrap()
    }

    #[test]
    fn nothing_of_a_file_is_written_but_outlines_and_names() {
        let dir = project(ZONES);
        let page = page("key=zone");
        let shapes = Shapes::of(&page, dir.path()).unwrap();
        let all: Vec<&str> = shapes.all().values().map(|made| std::str::from_utf8(&made.json).unwrap()).collect();
        let [joined, under] = ["\"id\":\"132\"", "\"Feature\",\"properties\":{}"]
            .map(|part| *all.iter().find(|json| json.contains(part)).unwrap());
        assert_eq!(
            joined,
            "{\"type\":\"FeatureCollection\",\"features\":[{\"type\":\"Feature\",\"id\":\"132\",\"properties\":{\"name\":\"JFK </script>\"},\
             \"geometry\":{\"type\":\"MultiPolygon\",\"coordinates\":[[[[-73.8,40.7],[-73.7,40.7],[-73.7,40.6],[-73.8,40.6],[-73.8,40.7]]]]}},\
             {\"type\":\"Feature\",\"id\":\"__proto__\",\"properties\":{},\"geometry\":{\"type\":\"MultiPolygon\",\"coordinates\":\
             [[[[0,1],[0.5,0],[-0.5,-0.00001],[0,1]]]]}}]}"
        );
        assert!(all.len() == 2 && !under.contains("JFK") && !joined.contains("secret"), "{all:?}");
        let address = |query: &str| shapes.address("x", query);
        let name = format!("/shapes/x/{}.geojson", digest::short(joined));
        assert_eq!((address("a"), address("b"), address("d")), (Some(name.clone()), Some(name), None));
        assert_ne!(address("c"), address("a"));
        assert!(serde_json::from_str::<Value>(joined).is_ok());
    }

    /// Damaged files: whatever is taken is JSON of places on earth, and small.
    #[test]
    fn whatever_a_file_is_what_is_written_is_sound() {
        use rand::rngs::StdRng;
        use rand::{Rng, SeedableRng};
        const PIECES: &[&str] = &[
            "[",
            "]",
            "{",
            "}",
            ",",
            ":",
            "\"",
            "\\",
            "0",
            "-",
            "1e9",
            "179.999999",
            "null",
            "[]",
            "\"id\":",
            "\u{0}",
            "é",
        ];
        let mut random = StdRng::seed_from_u64(14);
        let mut taken = 0;
        for _ in 0..20_000 {
            let mut text = ZONES.to_owned();
            for _ in 0..random.random_range(1..4) {
                let mut at = random.random_range(0..text.len());
                while !text.is_char_boundary(at) {
                    at -= 1;
                }
                match random.random_range(0..3) {
                    0 => text.insert_str(at, PIECES[random.random_range(0..PIECES.len())]),
                    1 => text.truncate(at),
                    _ => drop(text.remove(at)),
                }
                if text.is_empty() {
                    break;
                }
            }
            let Ok(shapes) = geojson::parse(&text, &Joined::By("zone".into())) else { continue };
            taken += 1;
            let json: Value = serde_json::from_str(&json(&shapes, &Joined::Usual)).unwrap();
            for feature in json["features"].as_array().unwrap() {
                assert!(feature["id"].is_string(), "{text}");
                let rings = feature["geometry"]["coordinates"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .flat_map(|polygon| polygon.as_array().unwrap());
                for ring in rings.map(|ring| ring.as_array().unwrap()) {
                    assert!(ring.len() >= 4 && ring.first() == ring.last(), "{text}");
                    let is_on_earth = |place: &Value| {
                        place[0].as_f64().unwrap().abs() <= 180.0 && place[1].as_f64().unwrap().abs() <= 90.0
                    };
                    assert!(ring.iter().all(is_on_earth), "{text}");
                }
            }
        }
        assert!(taken > 1000, "{taken}");
    }

    #[test]
    fn what_is_wrong_has_its_query_and_file() {
        let dir = project(ZONES);
        let page = page("key=zon");
        let problems = Shapes::of(&page, dir.path()).unwrap_err();
        let told = Shapes::told(&page, &problems);
        assert_eq!(problems.len(), 2, "{told}");
        assert!(
            told.starts_with(
                "dashboards/x.md:1: `a`: `dashboards/geo/zones.geojson` has features with no property `zon`"
            ),
            "{told}"
        );
        assert!(told.contains("\ndashboards/x.md:4: `b`: "), "{told}");
        // Small for a file, and more than a function answers with.
        let corner = |at: u32| format!("[-{}.12345,-{}.{:05}]", 100 + at % 80, 10 + at % 70, 1 + at % 99_998);
        let corners: Vec<String> = (0..199_000).map(corner).collect();
        let large = project(&format!(
            "{{\"type\":\"FeatureCollection\",\"features\":[{{\"id\":1,\"geometry\":{{\"type\":\"Polygon\",\"coordinates\":[[{}]]}}}}]}}",
            corners.join(",")
        ));
        let words =
            written(large.path(), &Given { file: "geo/zones.geojson".into(), joined: Joined::Usual }).unwrap_err();
        assert!(words.contains("comes to more than 4 MiB"), "{words}");
    }
}
