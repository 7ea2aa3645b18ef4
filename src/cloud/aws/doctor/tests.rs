//! What the policy says for each kind of configuration.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Policy;
use super::testing::{config, session};

/// The policy for the `quack.toml` that `text` is.
fn policy(text: &str) -> Value {
    let config = config(text);
    serde_json::from_str(&Policy::new(&config, &session(&config)).to_string()).unwrap()
}

/// The statement called `sid`.
fn statement<'a>(policy: &'a Value, sid: &str) -> Option<&'a Value> {
    policy["Statement"].as_array().unwrap().iter().find(|statement| statement["Sid"] == sid)
}

fn actions(policy: &Value) -> Vec<&str> {
    let statements = policy["Statement"].as_array().unwrap().iter();
    statements
        .flat_map(|statement| statement["Action"].as_array().unwrap())
        .map(|action| action.as_str().unwrap())
        .collect()
}

#[test]
fn everything_is_narrowed_to_the_stage_or_has_no_narrower_resource() {
    for text in ["", "[function]\npackage = \"zip\"\n", "[lake]\nbucket = \"theirs\"\nmanage = false\n"] {
        let policy = policy(text);
        assert_eq!(policy["Version"], "2012-10-17");
        for statement in policy["Statement"].as_array().unwrap() {
            for resource in statement["Resource"].as_array().unwrap().iter().map(|resource| resource.as_str().unwrap())
            {
                let own = resource.contains("quack-lake-dev") || resource.contains(":::theirs");
                let shared = ["Any", "CloudFormationTransform"].map(Value::from);
                assert!(own || shared.contains(&statement["Sid"]), "{statement}");
            }
        }
    }
}

#[test]
fn each_package_has_its_own_actions() {
    let (image, zip) = (policy(""), policy("[function]\npackage = \"zip\"\n"));
    assert!(actions(&image).contains(&"ecr:PutImage") && actions(&image).contains(&"ecr:CreateRepository"));
    let of_registry = |policy: &Value| actions(policy).into_iter().filter(|action| action.starts_with("ecr:")).count();
    assert_eq!(of_registry(&zip), 1, "only whether a repository is left");
    let stack = statement(&zip, "RegistryStack").unwrap();
    assert_eq!(
        stack["Resource"],
        json!(["arn:aws:cloudformation:eu-west-1:123456789012:stack/quack-lake-dev-registry/*"])
    );
    assert_eq!(stack["Action"], json!(["cloudformation:DescribeStacks"]), "an earlier configuration may have left one");
}

#[test]
fn protection_and_a_vpc_take_actions_that_nothing_else_does() {
    let (plain, protected) = (policy(""), policy("protect = true\n"));
    let vpc = policy("[aws]\nsubnets = [\"subnet-0a1b2c3d\"]\nsecurity_groups = [\"sg-0a1b2c3d\"]\n");
    let with = |policy: &Value, start: &str| actions(policy).iter().filter(|action| action.starts_with(start)).count();
    let protect = "cloudformation:UpdateTerminationProtection";
    assert_eq!([&plain, &vpc, &protected].map(|policy| with(policy, protect)), [0, 0, 1]);
    assert_eq!([&plain, &vpc, &protected].map(|policy| with(policy, "ec2:Describe")), [0, 3, 0]);
    assert_eq!(with(&vpc, "ec2:"), 3, "a deployer changes nothing of a network");
}

#[test]
fn a_bucket_of_somebody_else_is_never_made_nor_deleted_and_written_only_under_its_prefix() {
    let policy = policy("[lake]\nbucket = \"theirs\"\nmanage = false\nprefix = \"team/quack/\"\n");
    for action in actions(&policy) {
        let allowed = [
            "s3:ListBucket",
            "s3:ListBucketVersions",
            "s3:ListBucketMultipartUploads",
            "s3:AbortMultipartUpload",
            "s3:GetBucketVersioning",
        ];
        let on_objects = action.starts_with("s3:") && action.contains("Object");
        assert!(!action.starts_with("s3:") || on_objects || allowed.contains(&action), "{action}");
    }
    assert_eq!(statement(&policy, "Objects").unwrap()["Resource"], json!(["arn:aws:s3:::theirs/team/quack/*"]));
}

#[test]
fn roles_are_passed_to_lambda_only_and_made_with_the_boundary_only() {
    let boundary = "arn:aws:iam::123456789012:policy/boundary";
    let plain = policy("");
    assert_eq!(
        statement(&plain, "CloudFormationRolePassedToLambda").unwrap()["Condition"],
        json!({ "StringEquals": { "iam:PassedToService": "lambda.amazonaws.com" } })
    );
    let makes = |statement: &Value| statement["Action"].as_array().unwrap().contains(&json!("iam:CreateRole"));
    assert!(makes(statement(&plain, "CloudFormationRole").unwrap()));
    assert!(!actions(&plain).contains(&"iam:PutRolePermissionsBoundary"));
    let bounded = policy(&format!("[aws]\nrole_path = \"/quack/\"\npermissions_boundary = \"{boundary}\"\n"));
    let making = statement(&bounded, "CloudFormationRoleBounded").unwrap();
    assert!(makes(making) && !makes(statement(&bounded, "CloudFormationRole").unwrap()));
    assert_eq!(making["Condition"], json!({ "StringEquals": { "iam:PermissionsBoundary": boundary } }));
    assert_eq!(making["Resource"], json!(["arn:aws:iam::123456789012:role/quack/quack-lake-dev-Role-*"]));
}

#[test]
fn no_action_is_twice_on_one_resource_and_the_policy_fits_in_one() {
    let name = "a".repeat(32);
    let policy = policy(&format!(
        "stage = \"{}\"\n[lake]\nbucket = \"{}\"\n[aws]\n\
         permissions_boundary = \"arn:aws:iam::123456789012:policy/{name}\"\n\
         kms_key = \"arn:aws:kms:eu-west-1:123456789012:key/{name}\"\naccess_logs = \"s3://logs/lake/\"\n",
        "b".repeat(20),
        "c".repeat(63)
    ));
    let mut seen = BTreeSet::new();
    for statement in policy["Statement"].as_array().unwrap() {
        for action in statement["Action"].as_array().unwrap() {
            assert!(seen.insert((action.to_string(), statement["Resource"].to_string())), "{action}");
        }
    }
    // A managed policy has at most 6,144 characters, white space not counted.
    // <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
    assert!(policy.to_string().len() <= 6144, "{}", policy.to_string().len());
    let role = statement(&policy, "Role").unwrap()["Resource"][0].as_str().unwrap().rsplit('/').next().unwrap();
    assert!(role.ends_with("-Role-*"), "{role}");
}

#[test]
fn concurrency_is_reserved_or_given_back() {
    let reserving = policy("[aws]\nreserved_concurrency = 10\n");
    assert!(actions(&reserving).contains(&"lambda:PutFunctionConcurrency"));
    assert!(!actions(&reserving).contains(&"lambda:DeleteFunctionConcurrency"));
    assert!(!actions(&policy("")).contains(&"lambda:PutFunctionConcurrency"));
}

#[test]
fn a_url_takes_permissions_of_its_own() {
    let with = policy("[function]\nurl = true\n");
    for action in ["lambda:CreateFunctionUrlConfig", "lambda:GetFunctionUrlConfig"] {
        assert!(actions(&with).contains(&action), "{action}");
        assert!(!actions(&policy("")).contains(&action), "{action}");
    }
}

#[test]
fn a_key_and_a_log_of_accesses_take_permissions_of_their_own() {
    let arn = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd";
    let asked = policy(&format!("[aws]\nkms_key = \"{arn}\"\naccess_logs = \"s3://logs/lake/\"\n"));
    let key = statement(&asked, "Key").unwrap();
    assert_eq!(key["Resource"], json!([arn]));
    assert_eq!(key["Action"], json!(["kms:Decrypt", "kms:GenerateDataKey"]));
    assert!(actions(&asked).contains(&"s3:PutBucketLogging"));
    let plain = policy("");
    assert!(statement(&plain, "Key").is_none() && !actions(&plain).contains(&"s3:PutBucketLogging"));
}

#[test]
fn pages_take_permissions_on_a_function_a_role_and_a_log_of_their_own() {
    let (plain, with) = (policy(""), policy("[dash]\npublic = true\n"));
    for action in ["lambda:AddPermission", "lambda:RemovePermission", "lambda:CreateFunctionUrlConfig"] {
        assert!(actions(&with).contains(&action) && !actions(&plain).contains(&action), "{action}");
    }
    let resources = |sid: &str| statement(&with, sid).unwrap()["Resource"].clone();
    let arn = |service: &str, rest: &str| format!("arn:aws:{service}:eu-west-1:123456789012:{rest}");
    let functions = ["quack-lake-dev", "quack-lake-dev_page"].map(|name| arn("lambda", &format!("function:{name}")));
    let groups = ["quack-lake-dev", "quack-lake-dev:*", "quack-lake-dev_page", "quack-lake-dev_page:*"]
        .map(|name| arn("logs", &format!("log-group:/aws/lambda/{name}")));
    let roles = ["Role", "PageRole"].map(|role| format!("arn:aws:iam::123456789012:role/quack-lake-dev-{role}-*"));
    for by in ["", "CloudFormation"] {
        assert_eq!(resources(&format!("{by}Function")), json!(functions));
        assert_eq!(resources(&format!("{by}LogGroup")), json!(groups));
        assert_eq!(resources(&format!("{by}Role")), json!(roles));
    }
    assert_eq!(resources("CloudFormationRolePassedToLambda"), json!(roles));
    assert_eq!(statement(&plain, "Function").unwrap()["Resource"], json!([functions[0]]));
    assert!(with.to_string().len() <= 6144, "{}", with.to_string().len());
}

#[test]
fn cloudfront_and_a_domain_take_permissions_only_where_they_are_asked_for() {
    let domain =
        "domain = \"bi.example.com\"\ncertificate_arn = \"arn:aws:acm:us-east-1:123456789012:certificate/0a\"\n";
    let [plain, edge, named, zoned] = [
        String::new(),
        "cloudfront = true\n".to_owned(),
        format!("cloudfront = true\n{domain}"),
        format!("cloudfront = true\n{domain}hosted_zone_id = \"Z0123ABC\"\n"),
    ]
    .map(|text| policy(&format!("[dash]\npublic = true\n{text}")));
    let with = |policy: &Value, start: &str| actions(policy).iter().filter(|action| action.starts_with(start)).count();
    assert_eq!([&plain, &edge, &named, &zoned].map(|policy| with(policy, "cloudfront:")), [0, 12, 12, 12]);
    assert_eq!([&plain, &edge, &named, &zoned].map(|policy| with(policy, "route53:")), [0, 0, 0, 4]);
    let zone = statement(&zoned, "CloudFormationHostedZone").unwrap();
    assert_eq!(zone["Resource"], json!(["arn:aws:route53:::hostedzone/Z0123ABC"]));
    let edge = statement(&edge, "CloudFormationDistributions").unwrap();
    assert_eq!(edge["Resource"][0], json!("arn:aws:cloudfront::123456789012:distribution/*"));
    // What an inline policy of a role takes.
    assert!(zoned.to_string().len() <= 10_240, "{}", zoned.to_string().len());
}
