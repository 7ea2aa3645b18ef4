//! Dashboards behind CloudFront, as far as an emulator goes: the stack, who may ask the page function, and what was changed by hand.

use predicates::prelude::*;
use predicates::str::contains;
use serde_json::{Value, json};

use crate::support::{Got, Place, Project, block_on};

const PAGE: &str = "# Ones\n\n```sql q table\nSELECT 1 AS one\n```\n";

const FILES: [&str; 2] = ["dashboards/ones.md", "quack.toml"];

fn project(place: Place, settings: &str) -> Project {
    let project = Project::at(place, settings);
    std::fs::create_dir(project.dir().join("dashboards")).unwrap();
    project.write("dashboards/ones.md", PAGE);
    project
}

/// What answers at a path of the emulator.
fn got(project: &Project, path: &str) -> Got {
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    Got::of(agent.get(format!("{}{path}", project.account().emulator.endpoint)).call().unwrap())
}

/// The one distribution of the account, as CloudFront tells it; nothing where there is none.
fn distribution(project: &Project) -> Option<String> {
    let list = got(project, "/2020-05-31/distribution").text();
    list.contains("<DistributionSummary>").then_some(list)
}

fn lambda(project: &Project) -> aws_sdk_lambda::Client {
    aws_sdk_lambda::Client::new(&project.account().emulator.sdk())
}

/// A page, asked for at the function's own URL.
fn direct(project: &Project) -> Got {
    let url = block_on(lambda(project).get_function_url_config().function_name("quack-lake-dev_page").send()).unwrap();
    let name = url.function_url().trim_start_matches("https://").split('.').next().unwrap();
    got(project, &format!("/_aws/lambda-url/{name}/ones"))
}

#[test]
fn cloudfront_alone_asks_the_page_function_and_goes_as_it_came() {
    let edge = "[dash]\npublic = true\ncloudfront = true\n";
    let project = project(Place::Aws, edge);
    let plan = project.quackctl(["plan"]).assert().code(2);
    let plan = plan.stdout(contains("PageDistribution (AWS::CloudFront::Distribution)"));
    plan.stderr(contains("CloudFront costs nothing at rest; 1 TB and 10 million requests a month are free"));
    assert_eq!(project.account().left(), [""; 0], "plan leaves something behind");
    project.quackctl(["up"]).assert().success().stderr(contains("CloudFront takes minutes"));
    project.quackctl(["plan"]).assert().code(0);
    let there = distribution(&project).unwrap();
    let said = |name: &str| there.split(&format!("<{name}>")).nth(1).unwrap().split('<').next().unwrap().to_owned();
    let url = project.json(["outputs", "dashboards", "--json"]);
    assert_eq!(url, json!(format!("https://{}/", said("DomainName"))));
    assert_eq!(project.json(["status", "--json"])["dashboards"], url);
    for part in [
        "<OriginProtocolPolicy>https-only<",
        "<OriginAccessControlId>E",
        "<ViewerProtocolPolicy>redirect-to-https<",
        "<PathPattern>/assets/*<",
        "<HttpVersion>http2and3<",
        "<CloudFrontDefaultCertificate>true<",
    ] {
        assert!(there.contains(part), "{part}: {there}");
    }
    let refused = direct(&project);
    assert_eq!((refused.status, refused.header("x-amzn-errortype")), (403, "AccessDeniedException"));
    project.quackctl(["logs", "--pages"]).assert().success().stdout(contains("REPORT").not());
    let policy = block_on(lambda(&project).get_policy().function_name("quack-lake-dev_page").send()).unwrap();
    let policy: Value = serde_json::from_str(policy.policy().unwrap()).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    assert_eq!(statements.len(), 2, "{policy}");
    for statement in statements {
        assert_eq!(statement["Principal"]["Service"], "cloudfront.amazonaws.com", "{statement}");
        assert!(statement["Condition"].to_string().contains(&format!("distribution/{}", said("Id"))), "{statement}");
    }

    let domain = format!(
        "{edge}domain = \"bi.example.com\"\ncertificate_arn = \"arn:aws:acm:us-east-1:000000000000:certificate/0a\"\n"
    );
    project.write("quack.toml", &domain);
    project.quackctl(["plan"]).assert().code(2).stdout(contains("PageDistribution").and(contains("bi.example.com")));
    project.quackctl(["up"]).assert().success().stdout(contains("dashboards are at https://bi.example.com/"));
    let named = distribution(&project).unwrap();
    assert!(
        named.contains("<CNAME>bi.example.com<") && named.contains("<MinimumProtocolVersion>TLSv1.2_2021<"),
        "{named}"
    );
    let page = project.account().function("quack-lake-dev_page").configuration.unwrap().environment.unwrap();
    assert_eq!(page.variables.unwrap()["QUACK_SITE_URL"], "https://bi.example.com");
    let invited = project.json(["dash", "invite", "bob", "--json"]);
    assert!(invited["url"].as_str().unwrap().starts_with("https://bi.example.com/invite/"), "{invited}");

    project.write("quack.toml", "[dash]\npublic = true\n");
    project.quackctl(["up", "--yes"]).assert().success();
    assert!(distribution(&project).is_none());
    assert_eq!(direct(&project).status, 200);
    project.quackctl(["plan"]).assert().code(0);

    project.write("quack.toml", &domain);
    project.quackctl(["up", "--yes"]).assert().success();
    project.quackctl(["down", "--yes"]).assert().success();
    assert!(distribution(&project).is_none());
    project.assert_gone(&FILES);
}

#[test]
fn the_domains_records_are_made_in_the_zone_that_is_named() {
    let project = project(Place::Aws, "");
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    let zones = format!("{}/2013-04-01/hostedzone", project.account().emulator.endpoint);
    let wanted = "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>example.com</Name>\
                  <CallerReference>1</CallerReference></CreateHostedZoneRequest>";
    let made = Got::of(agent.post(&zones).content_type("text/xml").send(wanted).unwrap()).text();
    let zone = made.split("<Id>/hostedzone/").nth(1).unwrap().split('<').next().unwrap();
    let records = || got(&project, &format!("/2013-04-01/hostedzone/{zone}/rrset")).text();
    let settings = format!(
        "[dash]\npublic = true\ncloudfront = true\ndomain = \"bi.example.com\"\nhosted_zone_id = \"{zone}\"\n\
         certificate_arn = \"arn:aws:acm:us-east-1:000000000000:certificate/0a\"\n"
    );
    project.write("quack.toml", settings);
    project.quackctl(["up"]).assert().success();
    let found = records();
    assert_eq!(found.matches("<Name>bi.example.com.<").count(), 2, "{found}");
    assert!(found.contains("<Type>AAAA<") && found.contains(".cloudfront.net"), "{found}");
    project.quackctl(["down", "--yes"]).assert().success();
    assert!(!records().contains("bi.example.com"));
    project.assert_gone(&FILES);
}

#[test]
fn what_was_changed_by_hand_of_pages_is_drift() {
    let project = project(Place::Aws, "[dash]\npublic = true\n");
    project.quackctl(["up"]).assert().success();
    let drift = || project.json(["status", "--drift", "--json"])["drift"].clone();
    assert_eq!(drift(), json!([]));
    let update = lambda(&project).update_function_configuration().function_name("quack-lake-dev_page");
    block_on(update.memory_size(1024).send()).unwrap();
    let found = drift();
    assert_eq!((found.as_array().unwrap().len(), &found[0]["resource"]), (1, &json!("PageFunction")), "{found}");
    assert_eq!(found[0]["properties"][0]["path"], "/MemorySize", "{found}");
    let logs = aws_sdk_cloudwatchlogs::Client::new(&project.account().emulator.sdk());
    block_on(logs.delete_log_group().log_group_name("/aws/lambda/quack-lake-dev_page").send()).unwrap();
    let found = drift();
    assert!(found.to_string().contains("PageLogGroup") && found.to_string().contains("DELETED"), "{found}");
    project.quackctl(["down", "--yes"]).assert().success();
    project.assert_gone(&FILES);
}

#[test]
fn on_this_machine_cloudfront_is_said_to_be_left_away() {
    let project = project(Place::Local, "[dash]\npublic = true\ncloudfront = true\n");
    project.quackctl(["up"]).assert().success().stderr(contains("note: `dash.cloudfront` is for --target aws"));
    let url = project.json(["outputs", "dashboards", "--json"]);
    assert!(url.as_str().unwrap().starts_with("http://127.0.0.1:"), "{url}");
    project.write("quack.toml", "[dash]\npublic = true\ncloudfront = true\ndomain = \"bi.example.com\"\n");
    project.quackctl(["plan"]).assert().code(2).stderr(contains("aws acm request-certificate"));
    project.quackctl(["down", "--yes"]).assert().success();
    project.assert_gone(&FILES);
}
