//! What single settings come to: protection from `down`, a network of one's own; and the template that shows them all.

use crate::support::{Place, Project, block_on, text};
use aws_sdk_cloudformation::types::{StackStatus, TemplateStage};
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::{Value, json};

crate::on_every_target! {
    a_protected_stage_is_not_taken_down,
}

fn a_protected_stage_is_not_taken_down(place: Place) {
    let project = Project::at(place, "protect = true\n");
    project.quackctl(["plan"]).assert().code(2).stdout(contains("protect: false -> true"));
    project.quackctl(["up"]).assert().success().stdout(contains("protect: false -> true"));
    project.quackctl(["up"]).assert().success().stdout(contains("nothing to change"));
    for down in [["down", "--yes"], ["down", "--keep-data"]] {
        let refused = project.quackctl(down).assert().code(1);
        refused
            .stderr(contains("`protect` is true (quack.toml)").and(contains("set protect = false, run `quackctl up`")));
    }
    // Neither without the file, nor when it makes no sense, nor when it says otherwise and nobody has applied it yet.
    for settings in ["", "protect = false\n", "[function]\nmemory_mb = 1\n"] {
        project.write("quack.toml", settings);
        let refused = project.quackctl(["down", "--yes"]).assert().code(1);
        refused.stderr(contains("lake (dev) is protected from `down` since it was put up"));
    }
    if place == Place::Aws {
        let stacks = aws_sdk_cloudformation::Client::new(&project.account().emulator.sdk());
        let deleted = block_on(stacks.delete_stack().stack_name("quack-lake-dev").send());
        assert!(deleted.is_err(), "AWS deletes a protected stack");
    }
    project.write("quack.toml", "");
    assert_eq!(project.rows("SELECT 42 AS a"), json!([{ "a": 42 }]));
    project.quackctl(["plan"]).assert().code(2).stdout(contains("protect: true -> false"));
    project.quackctl(["up"]).assert().success().stdout(contains("protect: true -> false"));
    project.quackctl(["plan"]).assert().code(0);
    project.quackctl(["down", "--yes"]).assert().success();
    project.assert_gone(&["quack.toml"]);
}

const VPC: &str = "[aws]\nsubnets = [\"subnet-0a1b2c3d\"]\nsecurity_groups = [\"sg-0a1b2c3d\"]\n";

/// The emulator tells its Lambda nothing of it.
#[test]
fn only_in_a_vpc_may_the_role_make_network_interfaces() {
    let project = Project::at(Place::Aws, "");
    let iam = aws_sdk_iam::Client::new(&project.account().emulator.sdk());
    // Whether the role may, and whether the function's own code may not.
    let of_role = || {
        let roles = block_on(iam.list_roles().send()).unwrap();
        let role = roles.roles().iter().find(|role| role.role_name().starts_with("quack-lake-dev-")).unwrap();
        let policy = block_on(iam.get_role_policy().role_name(role.role_name()).policy_name("lake").send()).unwrap();
        ["CreateNetworkInterface", "NotByTheFunctionItself"].map(|text| policy.policy_document().contains(text))
    };
    project.quackctl(["up"]).assert().success();
    assert_eq!(of_role(), [false, false]);
    project.write("quack.toml", VPC);
    project.quackctl(["up"]).assert().success();
    assert_eq!(of_role(), [true, true]);
    assert_eq!(project.rows("SELECT 42 AS a"), json!([{ "a": 42 }]));
    project.write("quack.toml", "");
    project.quackctl(["up"]).assert().success();
    assert_eq!(of_role(), [false, false]);
    project.quackctl(["plan"]).assert().code(0);
    project.write("quack.toml", "[aws]\nsubnets = [\"subnet-0a1b2c3d\"]\n");
    project.quackctl(["plan"]).assert().code(2).stderr(contains("`aws.security_groups` is not"));
}

/// A network to be in.
const NETWORK: &str = r#"{"Resources": {
    "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
    "Subnet": {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.0.1.0/24"}},
    "Group": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"VpcId": {"Ref": "Vpc"}, "GroupDescription": "none"}}},
  "Outputs": {"Subnet": {"Value": {"Ref": "Subnet"}}, "Group": {"Value": {"Fn::GetAtt": ["Group", "GroupId"]}}}}"#;

#[test]
fn a_function_is_in_the_subnets_that_it_was_given() {
    let Some(project) = Project::on_localemu("") else { return };
    let sdk = project.account().emulator.sdk();
    let stacks = aws_sdk_cloudformation::Client::new(&sdk);
    block_on(stacks.create_stack().stack_name("network").template_body(NETWORK).send()).unwrap();
    let outputs = loop {
        let found = block_on(stacks.describe_stacks().stack_name("network").send()).unwrap();
        match found.stacks()[0].stack_status() {
            Some(StackStatus::CreateComplete) => break found.stacks()[0].outputs().to_vec(),
            Some(StackStatus::CreateInProgress) => std::thread::sleep(std::time::Duration::from_millis(50)),
            status => panic!("the network's stack is in {status:?}"),
        }
    };
    let id = |name: &str| {
        let output = outputs.iter().find(|output| output.output_key() == Some(name));
        output.unwrap().output_value().unwrap().to_owned()
    };
    let (subnet, group) = (id("Subnet"), id("Group"));
    project.write("quack.toml", format!("[aws]\nsubnets = [\"{subnet}\"]\nsecurity_groups = [\"{group}\"]\n"));
    project.quackctl(["up", "--no-check"]).assert().success();
    let vpc = project.account().function("quack-lake-dev").configuration.unwrap().vpc_config.unwrap();
    assert_eq!((vpc.subnet_ids(), vpc.security_group_ids()), (&[subnet][..], &[group][..]));
}

#[test]
fn the_template_and_its_parameters_are_what_up_deploys() {
    let mut project = Project::at(Place::Aws, "[aws]\ntags = [\"team=data\"]\nlog_retention_days = 7\n");
    let template = |arguments: &[&str]| {
        let output = project.process(["template"]).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let printed = template(&[]);
    let export: Value = serde_json::from_str(&template(&["--json"])).unwrap();
    let parameters: Value = serde_json::from_str(&template(&["--parameters"])).unwrap();
    assert_eq!(project.account().left(), [""; 0], "something was deployed");
    assert_eq!(project.account().writes(), [""; 0]);

    project.quackctl(["up"]).assert().success();
    let stacks = aws_sdk_cloudformation::Client::new(&project.account().emulator.sdk());
    let deployed = stacks.get_template().stack_name("quack-lake-dev").template_stage(TemplateStage::Original);
    let deployed = block_on(deployed.send()).unwrap();
    assert_eq!(deployed.template_body().unwrap().trim_end(), printed.trim_end());
    let found = block_on(stacks.describe_stacks().stack_name("quack-lake-dev").send()).unwrap();
    let of_stack: Value = found.stacks()[0]
        .parameters()
        .iter()
        .map(|parameter| (parameter.parameter_key().unwrap().to_owned(), json!(parameter.parameter_value().unwrap())))
        .collect::<serde_json::Map<_, _>>()
        .into();
    assert_eq!((&export["parameters"], &export["template"]), (&of_stack, &json!(printed)));
    assert_eq!((&export["stack"], &export["tags"]["team"]), (&json!("quack-lake-dev"), &json!("data")));
    for parameter in parameters.as_array().unwrap() {
        let name = parameter["ParameterKey"].as_str().unwrap();
        assert_eq!(parameter["ParameterValue"], of_stack[name], "{name}");
    }
    assert_eq!(parameters.as_array().unwrap().len(), of_stack.as_object().unwrap().len());
    let registry: Value =
        serde_json::from_slice(&project.quackctl(["template", "registry", "--json"]).output().unwrap().stdout).unwrap();
    assert_eq!(registry["parameters"]["RepositoryName"], "quack-lake-dev");

    // The text alone asks nobody.
    project.set("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    project.quackctl(["template", "registry"]).assert().success().stdout(contains("AWS::ECR::Repository"));
}
