//! Tables, table functions and addresses in a syntax tree.

use super::expression::verdict;
use super::fields::{Object, list, object, text, unknown};
use super::query::{Walk, recurring};
use super::value::constant_text;
use crate::engine::Failure;
use crate::functions::{Place, Verdict};
use crate::names;
use serde_json::Value;

/// DuckDB's own views that SQL may not read, and why.
const REFUSED_VIEWS: &[(&str, &str)] = &[
    ("duckdb_logs", "it shows what other queries left in the log"),
    ("duckdb_secrets", "it tells of the keys that the function reads with"),
    ("duckdb_settings", "it tells how the function is set up"),
    ("pg_settings", "it tells how the function is set up"),
];

/// Options of functions that read files. None names another file, or leaves something behind.
const FILE_OPTIONS: &[&str] = &[
    "all_varchar",
    "allow_moved_paths",
    "allow_quoted_nulls",
    "auto_detect",
    "auto_type_candidates",
    "binary_as_string",
    "buffer_size",
    "can_have_nan",
    "column_names",
    "column_types",
    "columns",
    "comment",
    "compression",
    "convert_strings_to_integers",
    "date_format",
    "dateformat",
    "decimal_separator",
    "delete_count",
    "delim",
    "delimiter",
    "dtypes",
    "encoding",
    "escape",
    "explicit_cardinality",
    "field_appearance_threshold",
    "file_row_number",
    "filename",
    "files_to_sniff",
    "force_match",
    "force_not_null",
    "format",
    "header",
    "hive_partitioning",
    "hive_types",
    "hive_types_autocast",
    "ignore_errors",
    "map_inference_threshold",
    "max_line_size",
    "maximum_depth",
    "maximum_line_size",
    "maximum_object_size",
    "maximum_sample_files",
    "metadata_compression_codec",
    "mode",
    "names",
    "new_line",
    "normalize_names",
    "null_padding",
    "nullstr",
    "parallel",
    "parquet_version",
    "pushdown_filters",
    "pushdown_partition_info",
    "quote",
    "records",
    "sample_size",
    "schema",
    "sep",
    "skip",
    "snapshot_from_id",
    "snapshot_from_timestamp",
    "strict_mode",
    "thousands",
    "timestamp_format",
    "timestampformat",
    "transform_expression",
    "types",
    "union_by_name",
    "version",
    "version_name_format",
];

/// Endings of names that DuckDB reads as files with a function that SQL may call, too. For others extensions bring functions
/// that it may not: spatial reads .fgb and .gpkg with GDAL, which opens whatever a file tells it to.
const READ_BY_NAME: &[&str] = &["avro", "csv", "json", "jsonl", "ndjson", "osm.pbf", "parquet", "shp", "tsv"];

/// DuckDB's own views, beside all of `information_schema` and `pg_catalog`, and functions that tell which tables there are.
const LISTS: &[&str] = &[
    "duckdb_columns",
    "duckdb_constraints",
    "duckdb_schemas",
    "duckdb_tables",
    "duckdb_views",
    "pg_attribute",
    "pg_class",
    "pg_namespace",
    "pg_tables",
    "pg_views",
    "pragma_show_tables",
    "pragma_show_tables_expanded",
    "sqlite_master",
    "sqlite_schema",
];

impl Walk<'_> {
    /// Judges the name of a table. What is neither the event's, nor the query's own, nor an address is left to DuckDB when
    /// it can only be the name of nothing or of one of DuckDB's own views.
    pub(super) fn base_table(&mut self, catalog: &str, schema: &str, name: &str) -> Result<(), Failure> {
        // As DuckDB compares names: a K that is Kelvin's sign is no k.
        let lower = name.to_ascii_lowercase();
        let is_plain = catalog.is_empty() && schema.is_empty();
        if is_plain && self.parts.contains(&lower) {
            return Ok(());
        }
        // What a recursive part has found up to now, where it has a key.
        if catalog.is_empty() && self.parts.contains(&recurring(schema, &lower)) {
            return Ok(());
        }
        // Also when the event has a table of this name: which of the two DuckDB takes is not for us to guess.
        if let Some((view, why)) = REFUSED_VIEWS.iter().find(|(view, _)| *view == lower) {
            return Err(Failure::refused(view, why));
        }
        if is_plain {
            // With a dot it would be in a schema, and DuckDB would take this for a file.
            if self.tables.contains(&lower) && names::parts(name).0.is_none() {
                self.known(lower);
                return Ok(());
            }
            if is_address(name) {
                return self.file(name);
            }
            self.missing(lower);
        } else {
            // What DuckDB does not find it takes for the name of a file, with the dots between: a name in a schema of the lake's is
            // looked for before.
            let (catalog_lower, schema_lower) = (catalog.to_ascii_lowercase(), schema.to_ascii_lowercase());
            if ["", "memory"].contains(&catalog_lower.as_str()) && names::is_schema(schema) && names::is_name(name) {
                let full = format!("{schema_lower}.{lower}");
                match self.tables.contains(&full) {
                    true => self.known(full),
                    false => self.missing(full),
                }
                return Ok(());
            }
            let known_catalog = ["", "memory", "temp", "system"].contains(&catalog_lower.as_str());
            let known_schema = ["", "main", "information_schema", "pg_catalog"].contains(&schema_lower.as_str());
            if !known_catalog || !known_schema || is_address(name) {
                let parts: Vec<_> = [catalog, schema, name].into_iter().filter(|part| !part.is_empty()).collect();
                return Err(no_table(&parts.join(".")));
            }
            self.named.lists |= ["information_schema", "pg_catalog"].contains(&schema_lower.as_str());
            if self.tables.contains(&lower) {
                self.known(lower);
            } else {
                self.missing(lower);
            }
        }
        Ok(())
    }

    /// A name that is one of the event's.
    fn known(&mut self, lower: String) {
        self.named.references.push(lower.clone());
        self.named.tables.insert(lower);
    }

    /// A name that is none of the event's.
    fn missing(&mut self, lower: String) {
        if LISTS.contains(&lower.as_str()) {
            self.named.lists = true;
            return;
        }
        self.named.references.push(lower.clone());
        self.named.unknown.insert(lower);
    }

    /// Judges a function in FROM.
    pub(super) fn table_function(&mut self, function: &Value) -> Result<(), Failure> {
        let function = object(function)?;
        if text(function, "class")? != "FUNCTION" {
            return Err(unknown("FROM"));
        }
        let name = text(function, "function_name")?;
        let arguments = list(function, "children")?;
        self.named.lists |= LISTS.contains(&name.to_ascii_lowercase().as_str());
        match verdict(Place::From, name)? {
            Verdict::Allowed => {}
            Verdict::Files => self.files(name, arguments)?,
            Verdict::Names => self.names(name, arguments)?,
            Verdict::Sql => {
                let sql = match arguments {
                    [argument] => positional(object(argument)?).and_then(constant_text),
                    _ => None,
                };
                let why = "its SQL must be spelled out in one text; write the query itself";
                let sql = sql.ok_or_else(|| Failure::refused(&format!("{name}() in this form"), why))?;
                self.texts.push(sql.to_owned());
            }
            Verdict::Setting | Verdict::Refused(_) => return Err(unknown(name)),
        }
        self.function_parts(function)
    }

    /// The arguments of a function that reads files: addresses, then constants, then options.
    fn files(&mut self, name: &str, arguments: &[Value]) -> Result<(), Failure> {
        let (first, rest) = arguments.split_first().ok_or_else(|| not_spelled_out(name))?;
        let first = positional(object(first)?).ok_or_else(|| not_spelled_out(name))?;
        self.each_text(first, name, Self::address)?;
        for argument in rest {
            let argument = object(argument)?;
            match option_name(argument) {
                Some(option) if FILE_OPTIONS.contains(&option.to_ascii_lowercase().as_str()) => {}
                Some(option) => {
                    let option: String = option.chars().take(80).collect();
                    let why = format!("it may have {}", FILE_OPTIONS.join(", "));
                    return Err(Failure::refused(&format!("{name}() with {option}"), &why));
                }
                None if text(argument, "class")? == "CONSTANT" => {}
                None => return Err(not_spelled_out(name)),
            }
        }
        Ok(())
    }

    /// The arguments of a function that is told the name of a table.
    fn names(&mut self, name: &str, arguments: &[Value]) -> Result<(), Failure> {
        let first = arguments.first().ok_or_else(|| not_spelled_out(name))?;
        let first = positional(object(first)?).ok_or_else(|| not_spelled_out(name))?;
        self.each_text(first, name, |walk, table| {
            // DuckDB takes such a text apart, at dots and quotes, before it looks for the table.
            if table.contains('"') {
                let shown: String = table.chars().take(80).collect();
                return Err(Failure::refused(
                    &format!("{name}() of {shown:?}"),
                    "write the table's name without quotes",
                ));
            }
            if let (Some(schema), name) = names::parts(table) {
                return walk.base_table("", schema, name);
            }
            // It is taken apart at dots, and not every such function knows the query's own parts: no name of those.
            if is_address(table) && !walk.tables.contains(&table.to_ascii_lowercase()) {
                return walk.file(table);
            }
            walk.base_table("", "", table)
        })
    }

    /// Hands on the text that an argument is, or each of a list.
    fn each_text(
        &mut self,
        argument: &Object,
        name: &str,
        judge: impl Fn(&mut Self, &str) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        // A table's name may stand without quotes. An address cannot: it is no name.
        let spelled = |value| constant_text(value).or_else(|| single_name(value));
        if let Some(text) = spelled(argument) {
            return judge(self, text);
        }
        let is_list = match text(argument, "class")? {
            "FUNCTION" => text(argument, "function_name")? == "list_value",
            "OPERATOR" => text(argument, "type")? == "ARRAY_CONSTRUCTOR",
            _ => false,
        };
        if !is_list {
            return Err(not_spelled_out(name));
        }
        list(argument, "children")?.iter().try_for_each(|element| {
            let text = spelled(object(element)?).ok_or_else(|| not_spelled_out(name))?;
            judge(self, text)
        })
    }

    /// A name that DuckDB may take for that of a file.
    fn file(&mut self, name: &str) -> Result<(), Failure> {
        self.address(name)?;
        check_ending(name)
    }

    fn address(&mut self, address: &str) -> Result<(), Failure> {
        let lower = address.to_ascii_lowercase();
        if [".db", ".ddb", ".duckdb"]
            .iter()
            .any(|ending| lower.ends_with(ending) || lower.contains(&format!("{ending}?")))
        {
            let why = "a database file is not opened; load the data with `quackctl load`";
            return Err(Failure::refused(&format!("reading {address:?}"), why));
        }
        self.access.may_read(address)
    }
}

/// As DuckDB says it.
pub(crate) fn no_table(name: &str) -> Failure {
    let shown: String = name.chars().take(80).collect();
    Failure::new("DuckDB.CatalogError", format!("Catalog Error: Table with name {shown} does not exist!"))
}

/// Whether DuckDB may take a name for that of a file: it does so by its ending, or for the pattern that it is.
fn is_address(name: &str) -> bool {
    name.contains(|c: char| "./\\:*?[]~%{}$&=+#".contains(c) || c.is_control())
}

/// Refuses a name in FROM that DuckDB does not read as a file, or with a function that SQL may not call.
fn check_ending(name: &str) -> Result<(), Failure> {
    let lower = name.to_ascii_lowercase();
    let plain = lower.strip_suffix(".gz").or_else(|| lower.strip_suffix(".zst")).unwrap_or(&lower);
    if READ_BY_NAME.iter().any(|ending| plain.strip_suffix(ending).is_some_and(|stem| stem.ends_with('.'))) {
        return Ok(());
    }
    let shown: String = name.chars().take(80).collect();
    let why = format!(
        "a name is that of a file when it ends in .{}; call what reads another one, FROM read_parquet('s3://...') say",
        READ_BY_NAME.join(", .")
    );
    Err(Failure::refused(&format!("FROM {shown:?}"), &why))
}

/// The name that an argument is, when it has one part.
fn single_name(argument: &Object) -> Option<&str> {
    if argument.get("class")?.as_str()? != "COLUMN_REF" {
        return None;
    }
    match argument.get("column_names")?.as_array()?.as_slice() {
        [Value::String(name)] => Some(name),
        _ => None,
    }
}

/// An argument without a name.
fn positional(argument: &Object) -> Option<&Object> {
    option_name(argument).is_none().then_some(argument)
}

/// The name of an argument, `name = value` or `name := value`.
fn option_name(argument: &Object) -> Option<&str> {
    if let Some(alias) = argument.get("alias").and_then(Value::as_str)
        && !alias.is_empty()
    {
        return Some(alias);
    }
    if argument.get("class")?.as_str()? != "COMPARISON" || argument.get("type")?.as_str()? != "COMPARE_EQUAL" {
        return None;
    }
    let left = argument.get("left")?.as_object()?;
    match left.get("column_names")?.as_array()?.as_slice() {
        [Value::String(name)] => Some(name),
        _ => None,
    }
}

fn not_spelled_out(name: &str) -> Failure {
    let why = "what it reads must be spelled out: one text, or a list of them";
    Failure::refused(&format!("{name}() in this form"), why)
}
