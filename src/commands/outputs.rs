//! `quackctl outputs`: where everything is, by name, for scripts and other tools.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Result;
use serde::Serialize;

use crate::cloud::place::Place;
use crate::cloud::{self, Target};
use crate::console::context::Context;
use crate::error::{Kind, failure_of, nearest, usage};

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Outputs(BTreeMap<&'static str, String>);

impl fmt::Display for Outputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, value)| writeln!(f, "{name:<18}{value}"))
    }
}

/// One value, as it is.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Output<'a>(&'a str);

impl fmt::Display for Output<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.0)
    }
}

/// Prints all outputs, or the one called `name`.
pub(crate) async fn run(context: &Context, name: Option<&str>) -> Result<()> {
    let config = &context.config;
    let Some(place) = cloud::status(config, false).await? else {
        let message = format!("nothing is up: there is no {} ({}) on {}", config.project, config.stage, config.target);
        return Err(failure_of(Kind::Missing, message, "run `quackctl up`"));
    };
    let target = Target::open(context).await?;
    let mut outputs = BTreeMap::from([
        ("project", config.project.clone()),
        ("stage", config.stage.clone()),
        ("target", config.target.to_string()),
        ("bucket", target.bucket.name.clone()),
        ("catalog", format!("s3://{}/{}", target.bucket.name, target.bucket.layout.catalog)),
        ("function", target.function.clone()),
    ]);
    match place {
        Place::Local(local) => outputs.extend([
            ("endpoint", local.endpoint),
            ("region", local.region),
            ("credentials_file", local.credentials_file.display().to_string()),
        ]),
        Place::Aws(aws) => outputs.extend([("account", aws.account), ("region", aws.region), ("stack", aws.stack)]),
    }
    if config.url {
        outputs.extend(target.url().await?.map(|url| ("url", url)));
    }
    if config.dash.is_some() {
        outputs.extend(target.page_url().await?.map(|url| ("dashboards", url)));
    }
    let Some(name) = name else { return context.print(&Outputs(outputs)) };
    match outputs.get(name) {
        Some(value) => context.print(&Output(value)),
        None => {
            let names: Vec<&str> = outputs.keys().copied().collect();
            let near = nearest(name, names.iter().copied());
            let help = near
                .map_or_else(|| format!("there are {}", names.join(", ")), |near| format!("did you mean `{near}`?"));
            Err(usage(format!("there is no output `{name}`"), help))
        }
    }
}
