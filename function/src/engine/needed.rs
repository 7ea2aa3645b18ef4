//! The tables and views that an event's SQL needs: which ones, and the statements that make them, in their order. A view's SQL is
//! judged as the event's own.

use super::judge::{Judgement, Named, no_table};
use super::lake::Catalog;
use super::raw::Connection;
use super::{Failure, Instance, statement};
use crate::names;
use crate::sql::identifier;
use crate::view::View;
use crate::wire::{Event, TableDef, ViewDef};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{Hash as _, Hasher};
use std::rc::Rc;

/// Views that stand upon each other, at most: DuckDB takes them apart on its stack.
const DEEPEST: usize = 100;

/// Most views that DuckDB has to take apart for one query; one that is named twice counts twice, with all below it.
const MOST: usize = 1000;

/// What is made before the event's SQL is run.
pub(super) struct Needed {
    /// Names of the tables that are read, also by the views.
    pub(super) tables: Vec<String>,
    made: Vec<Made>,
    /// Schemas of what is made.
    schemas: BTreeSet<String>,
    /// Why a table that is missing may be in the lake all the same.
    note: Option<String>,
}

/// A statement that makes something.
struct Made {
    sql: String,
    otherwise: Otherwise,
}

/// What is done where DuckDB does not take it.
enum Otherwise {
    /// The event fails; for the view of this name, if it is one.
    Fail(Option<String>),
    /// Another statement is run: the view is only listed.
    Run(String),
    Nothing,
}

/// A view, and what its SQL names.
struct Wanted {
    definition: ViewDef,
    references: Vec<String>,
    /// What the catalog says of it.
    known: Option<View>,
    /// It is only listed: what is wrong with it is no matter.
    listed: bool,
}

/// Views by their names in lower case.
struct Views<'a> {
    instance: &'a Instance,
    event: &'a Event,
    /// Names of what the event defines, in lower case.
    known: &'a BTreeSet<String>,
    views: BTreeMap<String, Wanted>,
    /// What all SQL says of tables, that of the views, too.
    named: Named,
}

impl Needed {
    /// What the SQL of `event` needs, which says `named` of tables; the event itself defines those that are `known`.
    ///
    /// # Errors
    /// A definition that is none, a view whose SQL may not be run, a catalog that cannot be read.
    pub(super) fn of(
        instance: &Instance,
        event: &Event,
        known: &BTreeSet<String>,
        named: Named,
    ) -> Result<Self, Failure> {
        let own = named.references.clone();
        let mut views = Views { instance, event, known, views: BTreeMap::new(), named };
        views.expand(None)?;
        let mut note = None;
        let catalog = match views.named.lists || !views.named.unknown.is_empty() {
            true => match instance.lake.read(&instance.database) {
                // They may be names of nothing, which DuckDB tells better.
                Err(failure) if !views.named.lists => {
                    note = Some(failure.message);
                    None
                }
                read => Some(read?),
            },
            false => None,
        };
        if let Some(catalog) = &catalog {
            views.expand(Some(catalog))?;
        }
        views.check_schemas(catalog.as_deref())?;
        let schemas = views.schemas(catalog.as_deref());
        let (tables, mut made) = views.tables(catalog.as_deref())?;
        if let Some(catalog) = catalog.filter(|_| views.named.lists) {
            views.list(&catalog);
        }
        made.extend(views.made(&own)?);
        Ok(Self { tables, made, schemas, note })
    }

    /// Whether it is anything.
    pub(super) fn makes(&self) -> bool {
        !self.made.is_empty()
    }

    /// Adds what tells it from another: what is made, with the addresses of all files.
    pub(super) fn hash(&self, hasher: &mut impl Hasher) {
        self.made.iter().for_each(|made| made.sql.hash(hasher));
    }

    /// Makes all of it.
    ///
    /// # Errors
    /// DuckDB's, of something that the SQL cannot do without.
    pub(super) fn make(&self, connection: &Connection) -> Result<(), Failure> {
        let run = |sql: &str| connection.prepare(sql)?.stream()?.exhaust().map(drop);
        for schema in &self.schemas {
            run(&format!("CREATE SCHEMA IF NOT EXISTS memory.{}", identifier(schema)))?;
        }
        self.made.iter().try_for_each(|Made { sql, otherwise }| match (run(sql), otherwise) {
            (Ok(()), _) | (Err(_), Otherwise::Nothing) => Ok(()),
            (Err(failure), Otherwise::Fail(Some(view))) => Err(of_view(view, failure)),
            (Err(failure), Otherwise::Fail(None)) => Err(failure),
            (Err(_), Otherwise::Run(other)) => run(other),
        })
    }

    /// A failure of the SQL, with what else is known of a table that is missing.
    pub(super) fn explained(&self, failure: Failure) -> Failure {
        match &self.note {
            Some(note) if failure.error_type == "DuckDB.CatalogError" => {
                Failure { message: format!("{}\n{note}", failure.message), ..failure }
            }
            _ => failure,
        }
    }
}

impl Views<'_> {
    /// Finds the views that are named, those of the event or of the `catalog`, and what they name themselves.
    fn expand(&mut self, catalog: Option<&Rc<Catalog>>) -> Result<(), Failure> {
        let mut queue: Vec<String> = match catalog {
            None => self.named.tables.iter().cloned().collect(),
            Some(_) => self.named.unknown.iter().cloned().collect(),
        };
        while let Some(name) = queue.pop() {
            if self.views.contains_key(&name) {
                continue;
            }
            let own = self.event.views.iter().find(|view| view.name.eq_ignore_ascii_case(&name));
            let stored = catalog.and_then(|catalog| catalog.view(&name));
            let (definition, known) = match (own, stored) {
                (Some(own), _) => (own.clone(), None),
                (None, Some((name, view))) => (view.definition(name), Some(view.clone())),
                (None, None) => continue,
            };
            let named = judged(self.instance, &definition.sql, self.known)
                .map_err(|failure| of_view(&definition.name, failure))?;
            queue.extend(named.tables.iter().chain(&named.unknown).cloned());
            let references = named.references.clone();
            self.named.extend(named);
            self.views.insert(name, Wanted { definition, references, known, listed: false });
        }
        Ok(())
    }

    /// Refuses a name in a schema that nothing has: DuckDB would take it for that of a file.
    fn check_schemas(&self, catalog: Option<&Catalog>) -> Result<(), Failure> {
        let is_there = |name: &str| self.known.contains(name) || catalog.is_some_and(|catalog| catalog.has(name));
        let mut qualified = self.named.unknown.iter().filter(|name| names::parts(name).0.is_some());
        qualified.find(|name| !is_there(name)).map_or(Ok(()), |name| Err(no_table(name)))
    }

    /// The schemas of all that is named; of all that there is, where that is listed.
    fn schemas(&self, catalog: Option<&Catalog>) -> BTreeSet<String> {
        let named = self.named.tables.iter().chain(&self.named.unknown);
        let defined = self.event.tables.iter().map(|table| &table.name);
        let defined = defined.chain(self.event.views.iter().map(|view| &view.name)).filter(|_| self.named.lists);
        let of_names = named.chain(defined).filter_map(|name| names::parts(name).0);
        let all = catalog.filter(|_| self.named.lists).map(|catalog| &catalog.schemas);
        all.into_iter().flatten().map(String::as_str).chain(of_names).map(str::to_owned).collect()
    }

    /// The tables that are named, and the statements that make them: a view of each; where tables are listed, an empty one of each
    /// other.
    fn tables(&self, catalog: Option<&Catalog>) -> Result<(Vec<String>, Vec<Made>), Failure> {
        let Self { instance, event, named, .. } = self;
        // A name in a text, of a table that is only asked about, makes no view of it.
        let is_listed = |name: &str| named.lists && !catalog.is_some_and(|catalog| catalog.has(name));
        let is_wanted = |table: &&TableDef| {
            let name = table.name.to_ascii_lowercase();
            named.tables.contains(&name) || is_listed(&name)
        };
        let of_event = event.tables.iter().filter(is_wanted).map(|table| table_sql(instance, table));
        let mut made = of_event.collect::<Result<Vec<_>, _>>()?;
        let read = event.tables.iter().filter(|table| named.tables.contains(&table.name.to_ascii_lowercase()));
        let mut read: Vec<String> = read.map(|table| table.name.clone()).collect();
        if let Some(catalog) = catalog {
            for name in &named.unknown {
                if let Some(table) = instance.lake.definition(&instance.database, catalog, name)? {
                    made.push(table_sql(instance, &table)?);
                    read.push(table.name);
                }
            }
            if named.lists {
                let has_view = |name: &str| named.tables.contains(name) || named.unknown.contains(name);
                made.extend(instance.lake.stand_ins(&instance.database, catalog, has_view)?);
            }
        }
        let made = made.into_iter().map(|sql| Made { sql, otherwise: Otherwise::Fail(None) });
        Ok((read, made.collect()))
    }

    /// Takes in all views that there are, so that they are listed.
    fn list(&mut self, catalog: &Catalog) {
        for (name, view) in &catalog.views {
            let lower = name.to_ascii_lowercase();
            // The event's own come in the place of the catalog's.
            if self.views.contains_key(&lower) || self.known.contains(&lower) {
                continue;
            }
            // Of one that may not be made, nothing but its columns is told.
            let references = judged(self.instance, &view.sql, self.known).map(|named| named.references);
            let definition = view.definition(name);
            let references = references.unwrap_or_else(|_| vec![lower.clone()]);
            self.views.insert(lower, Wanted { definition, references, known: Some(view.clone()), listed: true });
        }
        for view in &self.event.views {
            let lower = view.name.to_ascii_lowercase();
            if !self.views.contains_key(&lower)
                && let Ok(named) = judged(self.instance, &view.sql, self.known)
            {
                let (definition, references) = (view.clone(), named.references);
                self.views.insert(lower, Wanted { definition, references, known: None, listed: true });
            }
        }
    }

    /// The statements that make the views, each after those that it reads. The event's SQL itself has the references `own`.
    fn made(&self, own: &[String]) -> Result<Vec<Made>, Failure> {
        let mut order = Order { views: &self.views, seen: HashMap::new(), names: Vec::new() };
        let weigh = |order: &mut Order<'_>, name: &String| {
            order.visit(name, 0).map_err(|what| self.instance.lake.cannot(&what))
        };
        let mut all = 0_usize;
        for name in own {
            all = all.saturating_add(weigh(&mut order, name)?);
        }
        if all > MOST {
            return Err(Failure::refused("SQL over so many views", "one that reads others counts with all of them"));
        }
        self.views.iter().filter(|(_, view)| view.listed).for_each(|(name, _)| _ = order.visit(name, 0));
        let Order { names, .. } = order;
        let mut made: Vec<Made> = names.iter().filter_map(|name| Some(self.views.get(name)?.made())).collect();
        let is_left = |name: &String, view: &Wanted| view.listed && !names.contains(name);
        let left = self.views.iter().filter(|(name, view)| is_left(name, view));
        made.extend(left.filter_map(|(_, view)| Some(Made { sql: view.stand_in()?, otherwise: Otherwise::Nothing })));
        if self.named.lists {
            // Of columns that are not there any more there is nothing to be said.
            let comments = self.views.values().filter_map(|view| Some((&view.definition.name, view.known.as_ref()?)));
            let comments = comments.flat_map(|(name, view)| view.comments(name));
            made.extend(comments.map(|sql| Made { sql, otherwise: Otherwise::Nothing }));
        }
        Ok(made)
    }
}

impl Wanted {
    fn made(&self) -> Made {
        let otherwise = match (self.listed, self.stand_in()) {
            (false, _) => Otherwise::Fail(Some(self.definition.name.clone())),
            (true, Some(stand_in)) => Otherwise::Run(stand_in),
            (true, None) => Otherwise::Nothing,
        };
        Made { sql: self.definition.create_sql(), otherwise }
    }

    fn stand_in(&self) -> Option<String> {
        self.known.as_ref().and_then(|view| view.stand_in(&self.definition.name).ok())
    }
}

/// Views in the order in which they can be made.
struct Order<'a> {
    views: &'a BTreeMap<String, Wanted>,
    /// How many views one stands for, itself among them; why not, of one that cannot be made, or is on its way.
    seen: HashMap<String, Result<usize, String>>,
    names: Vec<String>,
}

impl Order<'_> {
    /// Puts a view, which is named by one that is so many `levels` deep, behind those that it reads. Nothing is counted of what is
    /// no view.
    fn visit(&mut self, name: &str, levels: usize) -> Result<usize, String> {
        let Some((name, view)) = self.views.get_key_value(name) else { return Ok(0) };
        if let Some(seen) = self.seen.get(name) {
            return seen.clone();
        }
        self.seen.insert(name.clone(), Err(format!("the view {name:?} reads itself, by way of others or not")));
        let counted = match levels {
            0..DEEPEST => view.references.iter().try_fold(1_usize, |weight, name| {
                let below = self.visit(name, levels + 1)?;
                Some(weight + below).filter(|weight| *weight <= MOST).ok_or_else(too_many)
            }),
            _ => Err(too_many()),
        };
        self.seen.insert(name.clone(), counted.clone());
        if counted.is_ok() {
            self.names.push(name.clone());
        }
        counted
    }
}

fn too_many() -> String {
    "one of its views stands on too many others".to_owned()
}

/// The statement that makes the view which stands for a table.
fn table_sql(instance: &Instance, table: &TableDef) -> Result<String, Failure> {
    table.addresses().try_for_each(|file| instance.judge.access().may_read(file))?;
    table.view_sql().map_err(|error| Failure::new("Quack.BadEvent", error.to_string()))
}

/// What is wrong with a view that the SQL needs. Where in its text is nothing to whoever did not write it.
fn of_view(name: &str, failure: Failure) -> Failure {
    let told = failure.message.split("\n\nLINE ").next().unwrap_or_default();
    let name: String = name.chars().take(80).collect();
    Failure { message: format!("{told}\n(in the view `{name}`)"), ..failure }
}

/// Judges one SELECT, and tells the tables that it names.
///
/// # Errors
/// As for [`super::judge::Judge::judge`]; what is no SELECT.
pub(super) fn judged(instance: &Instance, select: &str, known: &BTreeSet<String>) -> Result<Named, Failure> {
    match instance.judge.judge(select, known)? {
        Judgement::Select(named) => Ok(named),
        Judgement::Other => Err(statement::refused(select)),
        // DuckDB says it better, with the line and a caret.
        Judgement::Malformed => match instance.database.connect()?.statements(select) {
            Err(failure) => Err(failure),
            Ok(_) => Err(statement::refused(select)),
        },
    }
}
