//! GeoJSON (RFC 7946), of which nothing is believed: a collection of polygons that rows name. Each feature is read by itself, and of its
//! properties only those that are wanted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::super::fence::Joined;
use super::ring::{Ring, cleaned, corner, wound};
use crate::error::nearest;

/// Most shapes of a file, and corners of all of them.
const MOST_SHAPES: usize = 5_000;
const MOST_CORNERS: usize = 200_000;

/// Longest key or name, characters.
const LONGEST: usize = 200;

/// Properties that say what a shape is called, in the order in which they are looked for.
const NAMES: &[&str] = &["title", "name", "NAME", "Name"];

const NOTHING: &str = "has no shape in it: maps draw features that are a Polygon or a MultiPolygon";

const COARSER: &str = "make it coarser, e.g. `ogr2ogr -simplify 0.0005 SMALLER.geojson FILE.geojson`, or draw fewer";

/// A shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    /// What rows call it; none of shapes under points.
    pub key: Option<String>,
    pub name: Option<String>,
    /// Each an outer ring and those of its holes.
    pub polygons: Vec<Vec<Ring>>,
}

#[derive(Deserialize)]
struct Collection<'a> {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(borrow, default)]
    features: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Feature<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    properties: Option<BTreeMap<String, &'a RawValue>>,
    #[serde(borrow, default)]
    geometry: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Geometry<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow, default)]
    coordinates: Option<&'a RawValue>,
}

/// Degrees east and north; what stands behind them, a height, is left away.
struct Position([f64; 2]);

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Two;
        impl<'de> Visitor<'de> for Two {
            type Value = Position;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a position, [degrees east, degrees north]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Position, A::Error> {
                let missing = |at| de::Error::invalid_length(at, &self);
                let east = numbers.next_element::<f64>()?.ok_or_else(|| missing(0))?;
                let north = numbers.next_element::<f64>()?.ok_or_else(|| missing(1))?;
                while numbers.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Position([east, north]))
            }
        }
        deserializer.deserialize_seq(Two)
    }
}

/// The shapes that are in a text; features without a place are left away.
///
/// # Errors
/// What is wrong with it and what to do, in words that go on behind the file's name.
pub(super) fn parse(text: &str, joined: &Joined) -> Result<Vec<Shape>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let Collection { kind, features } =
        serde_json::from_str(text).map_err(|error| format!("is no GeoJSON: {}", said(&error)))?;
    let features = match (kind.as_deref(), features) {
        (Some("FeatureCollection"), Some(features)) => features,
        (Some("FeatureCollection"), None) => return Err("has no `features`".to_owned()),
        (Some("Topology"), _) => {
            return Err("is TopoJSON: `ogr2ogr FILE.geojson FILE.json` makes GeoJSON of it".to_owned());
        }
        (kind, _) => {
            let kind = kind.map_or_else(|| "without a type".to_owned(), |kind| format!("a {}", short(kind)));
            return Err(format!("is {kind}, and shapes come as a FeatureCollection of GeoJSON"));
        }
    };
    if features.is_empty() {
        return Err(NOTHING.to_owned());
    }
    if features.len() > MOST_SHAPES {
        return Err(format!("has {} shapes, and a map draws {MOST_SHAPES} at most: draw fewer", features.len()));
    }
    let read = features.iter().enumerate().map(|(at, raw)| {
        serde_json::from_str(raw.get()).map_err(|error| wrong(at, &format!("is none: {}", said(&error))))
    });
    let features: Vec<Feature<'_>> = read.collect::<Result<_, _>>()?;
    let property = property(&features, joined)?;
    let (mut shapes, mut corners, mut keys) = (Vec::new(), 0, BTreeSet::new());
    for (at, feature) in features.iter().enumerate() {
        let polygons = polygons(feature, &mut corners).map_err(|words| wrong(at, &words))?;
        if corners > MOST_CORNERS {
            return Err(format!("has more than {MOST_CORNERS} corners: {COARSER}"));
        }
        if polygons.is_empty() {
            continue;
        }
        let key = property.map(|property| key(feature, property).map_err(|words| wrong(at, &words))).transpose()?;
        if let Some(twice) = key.as_ref().filter(|key| !keys.insert((*key).clone())) {
            let words = format!("there are two shapes whose `{}` is `{}`", property.unwrap_or_default(), short(twice));
            return Err(format!("is not clear: {words}; name another property with key=, or make one shape of them"));
        }
        let named = feature.properties.iter().flat_map(|all| NAMES.iter().filter_map(|name| all.get(*name)));
        shapes.push(Shape { key, name: named.filter_map(|raw| scalar(raw)).next(), polygons });
    }
    match shapes.is_empty() {
        true => Err(NOTHING.to_owned()),
        false => Ok(shapes),
    }
}

/// What is wrong with a feature, of which the first is 1.
fn wrong(at: usize, words: &str) -> String {
    format!("has a mistake: feature {} {words}", at + 1)
}

/// Which property names the shapes, `id` their own; none of shapes that nothing names.
fn property<'a>(features: &[Feature<'_>], joined: &'a Joined) -> Result<Option<&'a str>, String> {
    let has_id = features.iter().any(|feature| feature.id.is_some_and(|id| scalar(id).is_some()));
    let has = |name: &str| features.iter().any(|feature| feature.properties.iter().any(|all| all.contains_key(name)));
    let property = match joined {
        Joined::Nothing => return Ok(None),
        Joined::Usual if has_id => "id",
        Joined::Usual => "name",
        Joined::By(property) => property,
    };
    if has(property) || (property == "id" && has_id) {
        return Ok(Some(property));
    }
    let first = features.iter().find_map(|feature| feature.properties.as_ref()).into_iter();
    let names: Vec<&str> = first.flat_map(|all| all.keys()).map(String::as_str).collect();
    let help = match nearest(property, names.iter().copied()) {
        Some(near) => format!("did you mean key={}?", short(near)),
        None if names.is_empty() => "its features have no properties".to_owned(),
        None => {
            let some: Vec<String> = names.iter().take(10).map(|name| short(name)).collect();
            format!("key= names another, of {}", some.join(", "))
        }
    };
    let usual = if *joined == Joined::Usual { "no `id` and " } else { "" };
    Err(format!("has features with {usual}no property `{}` that rows could name: {help}", short(property)))
}

/// What rows call a feature.
fn key(feature: &Feature<'_>, property: &str) -> Result<String, String> {
    let own = feature.id.filter(|id| property == "id" && scalar(id).is_some());
    let raw = own.or_else(|| feature.properties.as_ref()?.get(property).copied());
    raw.and_then(scalar).ok_or_else(|| {
        format!("has no `{}` that is a text or a number: give it one, or take the feature away", short(property))
    })
}

/// A text as it is, and a whole number in digits alone.
fn scalar(raw: &RawValue) -> Option<String> {
    let raw = raw.get();
    let text = match raw.as_bytes().first()? {
        b'"' => serde_json::from_str::<String>(raw).ok()?,
        b'-' | b'0'..=b'9' => match (raw.parse::<i128>(), raw.parse::<f64>()) {
            (Ok(whole), _) => whole.to_string(),
            (_, Ok(number)) if number.is_finite() => number.to_string(),
            _ => return None,
        },
        _ => return None,
    };
    (!text.is_empty() && text.chars().count() <= LONGEST).then_some(text)
}

/// The polygons of a feature; none of one that has no place, or none that is larger than a few metres. Counts corners.
fn polygons(feature: &Feature<'_>, corners: &mut usize) -> Result<Vec<Vec<Ring>>, String> {
    let Some(raw) = feature.geometry else { return Ok(Vec::new()) };
    let Geometry { kind, coordinates } =
        serde_json::from_str(raw.get()).map_err(|error| format!("has no geometry: {}", said(&error)))?;
    let coordinates = coordinates.map_or("[]", RawValue::get);
    let malformed = |error: serde_json::Error| format!("is no {kind}: {}", said(&error));
    let polygons: Vec<Vec<Vec<Position>>> = match kind.as_str() {
        "Polygon" => vec![serde_json::from_str(coordinates).map_err(malformed)?],
        "MultiPolygon" => serde_json::from_str(coordinates).map_err(malformed)?,
        other => {
            let help = "a map draws Polygon and MultiPolygon: take it away, e.g. `ogr2ogr -where \"OGR_GEOMETRY LIKE '%POLYGON'\" \
                        NEW.geojson FILE.geojson`";
            return Err(format!("is a {}, and {help}", short(other)));
        }
    };
    let mut made = Vec::new();
    for polygon in polygons {
        let mut rings = Vec::new();
        for (at, positions) in polygon.into_iter().enumerate() {
            *corners += positions.len();
            let ring = positions.into_iter().map(|Position(degrees)| corner(degrees).ok_or_else(|| nowhere(degrees)));
            match cleaned(ring.collect::<Result<_, _>>()?) {
                Some(ring) => rings.push(wound(ring, at == 0)),
                // Its holes are of nothing.
                None if at == 0 => break,
                None => {}
            }
        }
        made.extend((!rings.is_empty()).then_some(rings));
    }
    Ok(made)
}

fn nowhere([east, north]: [f64; 2]) -> String {
    let told = |degrees: f64| if degrees.abs() < 1e9 { degrees.to_string() } else { format!("{degrees:e}") };
    let (east, north) = (told(east), told(north));
    format!(
        "lies at [{east}, {north}], which are no degrees east and north: the file has other coordinates, so reproject it, e.g. \
         `ogr2ogr -t_srs EPSG:4326 NEW.geojson FILE.geojson`, or with DuckDB's spatial extension ST_Transform(geom, 'EPSG:2263', \
         'EPSG:4326', always_xy := true)"
    )
}

/// What a reader of JSON says, which may quote a text of any length.
fn said(error: &serde_json::Error) -> String {
    error.to_string().chars().take(160).collect()
}

fn short(text: &str) -> String {
    let shown: String = text.chars().filter(|c| !c.is_control()).take(60).collect();
    if text.chars().count() > 60 { format!("{shown}...") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQUARE: &str = "[[[0,0],[0,1],[1,1],[1,0],[0,0]]]";

    fn feature(head: &str, geometry: &str) -> String {
        format!("{{\"type\":\"Feature\",{head}\"geometry\":{geometry}}}")
    }

    fn square(head: &str) -> String {
        feature(head, &format!("{{\"type\":\"Polygon\",\"coordinates\":{SQUARE}}}"))
    }

    fn collection(features: &[String]) -> String {
        format!("{{\"type\":\"FeatureCollection\",\"crs\":{{}},\"features\":[{}]}}", features.join(","))
    }

    fn keys(head: &[&str], joined: &Joined) -> Result<Vec<(String, Option<String>)>, String> {
        let all: Vec<String> = head.iter().map(|head| square(head)).collect();
        let shapes = parse(&collection(&all), joined)?;
        Ok(shapes.into_iter().map(|shape| (shape.key.unwrap_or_default(), shape.name)).collect())
    }

    #[test]
    fn shapes_are_called_by_ids_names_or_what_is_said() {
        let by = |name: &str| Joined::By(name.to_owned());
        let key = |key: &str, name: Option<&str>| (key.to_owned(), name.map(str::to_owned));
        let two = [
            "\"id\":7,\"properties\":{\"name\":\"A\",\"z\":1.0},",
            "\"properties\":{\"name\":\"B\",\"z\":1e1},\"id\":\"b\",",
        ];
        assert_eq!(keys(&two, &Joined::Usual).unwrap(), [key("7", Some("A")), key("b", Some("B"))]);
        assert_eq!(keys(&two, &by("z")).unwrap(), [key("1", Some("A")), key("10", Some("B"))]);
        assert_eq!(keys(&two, &by("name")).unwrap(), [key("A", Some("A")), key("B", Some("B"))]);
        assert_eq!(keys(&["\"properties\":{\"name\":\"A\"},"], &Joined::Usual).unwrap(), [key("A", Some("A"))]);
        assert_eq!(keys(&["\"properties\":{\"id\":9},"], &by("id")).unwrap(), [key("9", None)]);
        // What other languages have on every object is a text as any other.
        let strange =
            ["\"properties\":{\"__proto__\":\"constructor\"},", "\"properties\":{\"__proto__\":\"</script>\"},"];
        assert_eq!(
            keys(&strange, &by("__proto__")).unwrap(),
            [key("</script>", None), key("constructor", None)].into_iter().rev().collect::<Vec<_>>()
        );
        assert_eq!(keys(&two, &Joined::Nothing).unwrap()[0], key("", Some("A")));
        for (head, joined, said) in [
            (&["\"id\":1,", "\"id\":1.0,"][..], Joined::Usual, "two shapes whose `id` is `1`"),
            (&["\"id\":1,", ""], Joined::Usual, "feature 2 has no `id`"),
            (
                &["\"properties\":{\"zone\":1},"],
                Joined::Usual,
                "no `id` and no property `name` that rows could name: key= names another, of zone",
            ),
            (&["\"properties\":{\"zone\":1},"], by("zon"), "did you mean key=zone?"),
            (&["\"properties\":null,"], by("zone"), "no properties"),
            (&["\"properties\":{\"z\":[1]},"], by("z"), "feature 1 has no `z` that is a text or a number"),
            (&["\"properties\":{\"z\":null},"], by("z"), "feature 1 has no `z`"),
            (&["\"properties\":{\"z\":\"\"},"], by("z"), "feature 1 has no `z`"),
            (&["\"properties\":[],"], by("z"), "feature 1 is none"),
            (&["\"id\":1,\"id\":2,"], Joined::Usual, "duplicate field `id`"),
        ] {
            let words = keys(head, &joined).unwrap_err();
            assert!(words.contains(said), "{said}: {words}");
        }
    }

    #[test]
    fn rings_are_closed_rounded_and_wound() {
        let parsed = |geometry: &str| {
            parse(&collection(&[feature("\"id\":1,", geometry)]), &Joined::Usual).unwrap().remove(0).polygons
        };
        let outer: Ring = vec![[0, 0], [0, 100_000], [100_000, 100_000], [100_000, 0]];
        let wanted = vec![vec![outer.clone()]];
        for ring in [
            "[[0,0],[0,1],[1,1],[1,0],[0,0]]",
            "[[0,0],[0,1],[1,1],[1,0]]",
            "[[0,0,7],[0,1,7,8],[1.000000001,1],[1,0,null,{}],[0,0]]",
        ] {
            assert_eq!(parsed(&format!("{{\"coordinates\":[{ring}],\"type\":\"Polygon\"}}")), wanted, "{ring}");
        }
        let reversed = parsed("{\"type\":\"Polygon\",\"coordinates\":[[[1,0],[1,1],[0,1],[0,0],[1,0]]]}");
        assert_eq!(reversed, wanted);
        let hole = parsed(
            "{\"type\":\"MultiPolygon\",\"coordinates\":[[[[0,0],[0,9],[9,9],[9,0]],[[1,1],[1,2],[2,2],[2,1]],[[3,3],[3,3]]],[],[[]],[[[5,5],[6,6],[5,5]],[[0,0],[0,1],[1,1]]]]}",
        );
        assert_eq!(
            (hole.len(), hole[0].len(), hole[0][1].clone()),
            (1, 2, vec![[200_000, 100_000], [200_000, 200_000], [100_000, 200_000], [100_000, 100_000]])
        );
    }

    #[test]
    fn what_is_no_file_of_shapes_is_told() {
        let polygon = |coordinates: &str| {
            collection(&[feature("\"id\":1,", &format!("{{\"type\":\"Polygon\",\"coordinates\":{coordinates}}}"))])
        };
        let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
        let nested = format!("{}1{}", "{\"a\":".repeat(200_000), "}".repeat(200_000));
        let many: Vec<String> = (0..=MOST_SHAPES).map(|id| square(&format!("\"id\":{id},"))).collect();
        let corners: Vec<String> = (0..=MOST_CORNERS).map(|at| format!("[{},{}]", at % 180, at % 90)).collect();
        for (text, said) in [
            (String::new(), "is no GeoJSON: EOF"),
            (
                "{\"type\":\"FeatureCollection\",\"features\":[NaN]}".to_owned(),
                "is no GeoJSON: expected value at line 1",
            ),
            ("{\"type\":\"FeatureCollection\"}".to_owned(), "has no `features`"),
            ("{\"type\":\"FeatureCollection\",\"features\":7}".to_owned(), "is no GeoJSON"),
            ("{\"type\":\"FeatureCollection\",\"features\":[]}".to_owned(), "has no shape in it"),
            ("{\"type\":\"FeatureCollection\",\"features\":[7]}".to_owned(), "feature 1 is none"),
            ("{\"type\":\"FeatureCollection\",\"features\":[]} {}".to_owned(), "trailing characters"),
            ("{\"type\":\"Topology\",\"objects\":{}}".to_owned(), "is TopoJSON"),
            (square("\"id\":1,"), "is a Feature, and shapes come as a FeatureCollection"),
            ("{}".to_owned(), "is without a type"),
            ("[]".to_owned(), "is without a type"),
            ("7".to_owned(), "is no GeoJSON"),
            (deep.clone(), "is no GeoJSON"),
            (polygon(&deep), "feature 1 is no Polygon"),
            (polygon("[[[1,NaN]]]"), "is no GeoJSON: expected value"),
            (polygon("[[[1,1e999],[0,0],[1,1]]]"), "number out of range"),
            (polygon("[[[1e300,0],[0,0],[1,1]]]"), "feature 1 lies at [1e300, 0]"),
            (polygon("[[[913175.1,120121.9],[0,0],[1,1]]]"), "lies at [913175.1, 120121.9], which are no degrees"),
            (polygon("[[[0,0],[0,91],[1,1]]]"), "ogr2ogr -t_srs EPSG:4326"),
            (polygon("[[[\"1\",2]]]"), "is no Polygon: invalid type: string"),
            (polygon(&format!("[[[\"{}\",2]]]", "x".repeat(100_000))), "is no Polygon: invalid type: string"),
            (polygon("[[[1]]]"), "a position, [degrees east, degrees north]"),
            (polygon("[1,2]"), "is no Polygon"),
            (polygon("{}"), "is no Polygon"),
            (polygon("[]"), "has no shape in it"),
            (polygon("[[[0,0],[1,1],[0,0]]]"), "has no shape in it"),
            (polygon(&format!("[[{}]]", corners.join(","))), "more than 200000 corners"),
            (collection(&many), "5001 shapes"),
            (collection(&[feature("\"id\":1,", "null")]), "has no shape in it"),
            (
                collection(&[feature("\"id\":1,", "{\"type\":\"Point\",\"coordinates\":[0,0]}")]),
                "feature 1 is a Point, and a map draws",
            ),
            (
                collection(&[feature("\"id\":1,", "{\"type\":\"GeometryCollection\",\"geometries\":[]}")]),
                "is a GeometryCollection",
            ),
            (
                collection(&[feature("\"id\":1,", "{\"type\":\"MultiPolygon\",\"coordinates\":[[[0,0]]]}")]),
                "is no MultiPolygon",
            ),
            (collection(&[feature("\"id\":1,", "7")]), "has no geometry"),
        ] {
            let words = parse(&text, &Joined::Usual).unwrap_err();
            assert!(words.contains(said), "{said}: {words}");
            assert!(words.len() < 600 && !words.contains('\n'), "{words}");
        }
        // What is in properties that nobody wants is not looked at.
        let shapes =
            parse(&collection(&[square(&format!("\"id\":1,\"properties\":{{\"deep\":{nested}}},"))]), &Joined::Usual);
        assert_eq!(shapes.map(|shapes| shapes.len()), Ok(1));
    }
}
