//! The project file, the environment and flags: what wins, and what is refused.

use std::fs;

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use tempfile::TempDir;

/// `quackctl` in an empty folder called `lake`, with nothing of the tester's own environment.
fn quackctl(parent: &TempDir) -> Command {
    let dir = parent.path().join("lake");
    fs::create_dir_all(&dir).unwrap();
    let mut command = Command::cargo_bin("quackctl").unwrap();
    command.current_dir(dir);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("QUACK_") {
            command.env_remove(name);
        }
    }
    command
}

fn write(parent: &TempDir, name: &str, text: &str) {
    fs::create_dir_all(parent.path().join("lake")).unwrap();
    fs::write(parent.path().join("lake").join(name), text).unwrap();
}

#[test]
fn init_writes_a_file_that_loads_and_never_overwrites_it() {
    let parent = TempDir::new().unwrap();
    quackctl(&parent).arg("init").assert().success().stdout(contains("project `lake`"));
    quackctl(&parent).args(["--verbose", "init"]).assert().code(1).stderr(contains("never overwritten"));
    write(&parent, "quack.toml", "project = \"mine\"\n");
    quackctl(&parent).arg("init").assert().code(1);
    let text = fs::read_to_string(parent.path().join("lake/quack.toml")).unwrap();
    assert_eq!(text, "project = \"mine\"\n");
}

#[test]
fn init_writes_what_flags_say() {
    let parent = TempDir::new().unwrap();
    let init = ["init", "--stage", "test", "--target", "aws", "--profile", "it's \"me\""];
    quackctl(&parent).args(init).assert().success();
    let told = quackctl(&parent).args(["--verbose", "tables", "--target", "local"]).assert().failure();
    told.stderr(contains("stage = test (quack.toml)").and(contains("aws.profile = it's \"me\" (quack.toml)")));
    let text = fs::read_to_string(parent.path().join("lake/quack.toml")).unwrap();
    let line =
        "\nstage = \"test\"                    # one of any number of deployments, side by side\ntarget = \"aws\" ";
    assert!(text.contains(line) && text.contains("\n# region = \"\" "), "{text}");
}

#[test]
fn init_has_git_leave_the_state_alone_and_says_so_once() {
    let parent = TempDir::new().unwrap();
    let ignored = || fs::read_to_string(parent.path().join("lake/.gitignore")).unwrap();
    quackctl(&parent).arg("init").assert().success();
    assert_eq!(ignored(), ".quack/\n");
    for (before, after) in [("target", "target\n.quack/\n"), ("/.quack\n*.csv\n", "/.quack\n*.csv\n")] {
        fs::remove_file(parent.path().join("lake/quack.toml")).unwrap();
        write(&parent, ".gitignore", before);
        quackctl(&parent).arg("init").assert().success();
        assert_eq!(ignored(), after);
    }
}

#[test]
fn two_projects_have_two_ids_and_a_file_keeps_its_own() {
    let id = || {
        let parent = TempDir::new().unwrap();
        quackctl(&parent).arg("init").assert().success();
        let text = fs::read_to_string(parent.path().join("lake/quack.toml")).unwrap();
        let output = quackctl(&parent).args(["--verbose", "status"]).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        let id =
            told.lines().find_map(|line| line.strip_prefix("id = ")?.strip_suffix(" (quack.toml)")).unwrap().to_owned();
        assert!(text.contains(&id) && id.len() == 32, "{text}");
        id
    };
    assert_ne!(id(), id());
}

#[test]
fn a_misspelled_variable_is_told_of() {
    let parent = TempDir::new().unwrap();
    let told = contains("note: the environment has QUACK_STAEG, which means nothing; is QUACK_STAGE meant?");
    quackctl(&parent).arg("status").env("QUACK_STAEG", "x").assert().code(4).stderr(told);
    quackctl(&parent).args(["--quiet", "status"]).env("QUACK_STAEG", "x").assert().code(4).stderr("");
}

#[test]
fn every_commented_default_of_the_template_is_a_known_key_with_that_default() {
    let parent = TempDir::new().unwrap();
    quackctl(&parent).arg("init").assert().success();
    let path = parent.path().join("lake/quack.toml");
    let template = fs::read_to_string(&path).unwrap();
    let uncommented: String = template
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(setting) if setting.contains(" = ") || setting.starts_with('[') => format!("{setting}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let origins = |text: &str| {
        fs::write(&path, text).unwrap();
        let output = quackctl(&parent).args(["--verbose", "init"]).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(!stderr.contains("unknown key"), "{stderr}");
        stderr.replace("(quack.toml)", "(default)")
    };
    assert_eq!(origins(&uncommented), origins(&template));
}

#[test]
fn a_keys_own_name_is_enough() {
    let parent = TempDir::new().unwrap();
    write(&parent, "quack.toml", "memory_mb = 512\npackage = \"zip\"\nread = [\"s3://other/a/*\"]\n");
    let verbose = quackctl(&parent).args(["--verbose", "tables"]).assert().code(1);
    verbose
        .stderr(contains("function.memory_mb = 512 (quack.toml)").and(contains("function.package = zip (quack.toml)")));
}

#[test]
fn an_unknown_key_is_an_error_that_names_the_nearest_known_one() {
    let parent = TempDir::new().unwrap();
    for (text, near, line) in [
        ("project = \"a\"\nstaeg = \"dev\"\n", "`stage`", "line 2"),
        ("[function]\nmemory = 512\n", "`function.memory_mb`", "line 2"),
        ("[local]\nprot = 1\n", "`local.port`", "line 2"),
        ("[local.network]\nfirst_byte = 1\n", "`local.network.first_byte_ms`", "line 2"),
        ("[[data]]\ntabel = \"t\"\n", "`table`", "data.tabel"),
        ("[qurey]\nlimit = 3\n", "the nearest known section is `[query]`\n", "line 1"),
        ("[query]\nxyzzy = 3\n", "known keys of [query]: limit; ", "line 2"),
        (
            "[xyzzy]\nlimit = 3\n",
            "[function], [lake], [aws], [query], [cost], [serve], [dash], [dash.limits], [dash.oidc], [local], [local.network], project, id, ",
            "line 1",
        ),
    ] {
        write(&parent, "quack.toml", text);
        let refused = quackctl(&parent).arg("tables").assert().code(2);
        refused.stderr(contains("unknown key").and(contains(near)).and(contains(line)));
    }
}

#[test]
fn what_is_wrong_with_data_to_load_is_told_with_its_table() {
    let parent = TempDir::new().unwrap();
    for (text, said) in [
        ("source = \"a.csv\"", "a [[data]] in quack.toml has no `table`:\nsource = \"a.csv\"\nhelp: add the name"),
        ("table = \"t\"\nsource = 3", "`data.source` cannot be 3 (quack.toml)\nin the [[data]] of table `t`\n"),
        ("table = \"t\"\nsource = \"a\"\ndelimiter = 3", "`data.delimiter` cannot be 3 (quack.toml)\nin the [[data]]"),
        ("table = \"t\"\nsource = \"a\"\nheader = \"no\"", "`data.header` cannot be \"no\" (quack.toml)\nin the"),
        ("table = \"t\"\nsql = \"FROM a\"\nheader = false", "has `sql`, and a key that says how a text is written\nin"),
        ("table = \"t\"", "exactly one of `source`, `sample`, `dataset` and `sql`\nin the [[data]] of table `t`\n"),
        ("table = \"t\"\nsorce = \"a\"", "unknown key `data.sorce` in quack.toml\nin the [[data]] of table `t`\n"),
    ] {
        write(&parent, "quack.toml", &format!("[[data]]\n{text}\n"));
        quackctl(&parent).arg("tables").assert().code(2).stderr(contains(said));
    }
}

/// Of a file that is not there, in a project that is not up.
#[test]
fn what_a_load_is_told_of_a_text_is_judged_first() {
    let parent = TempDir::new().unwrap();
    for (option, value, said) in [
        ("--delimiter", ";;", "`;;` cannot be what stands between values"),
        ("--encoding", "latin1n", "`latin1n` is no encoding that load reads\nhelp: did you mean `latin-1`?"),
        ("--null", "\"", "`\"` cannot stand for NULL"),
        ("--decimal", ";", "`;` cannot stand in a number"),
        ("--header", "maybe", "`--header maybe` says neither yes nor no"),
        ("--types", "a=NUMBR", "`NUMBR`, of column `a`, is no type"),
    ] {
        let load = ["load", "nosuch.csv", "other.csv", "--table", "t", option, value];
        quackctl(&parent).args(load).assert().code(2).stderr(contains(said));
        let option = option.trim_start_matches('-');
        if option != "header" {
            let value = value.replace('"', "\\\"");
            let data = format!("[[data]]\ntable = \"t\"\nsource = \"nosuch.csv\"\n{option} = \"{value}\"\n");
            write(&parent, "quack.toml", &data);
            let said = contains(said).and(contains("table `t` of [[data]] in quack.toml"));
            quackctl(&parent).arg("plan").assert().code(2).stderr(said);
            fs::remove_file(parent.path().join("lake").join("quack.toml")).unwrap();
        }
    }
    let sample = ["load", "--sample", "taxi", "--table", "t", "--null", "NA"];
    quackctl(&parent).args(sample).assert().code(2).stderr(contains("`--null` says how a text is written"));
}

/// Before anything is brought up for it.
#[test]
fn the_query_of_a_declared_table_is_judged_first() {
    let parent = TempDir::new().unwrap();
    let not_one = "table `t` is to be made of what is not one query";
    for (sql, said) in [
        ("DROP TABLE x", not_one),
        ("SELECT 1; SELECT 2", not_one),
        ("", not_one),
        ("SELECT 1 FORM a", "the query of table `t`: Parser Error: syntax error at or near \"a\""),
    ] {
        write(&parent, "quack.toml", &format!("[[data]]\ntable = \"t\"\nsql = \"{sql}\"\n"));
        for command in ["plan", "up"] {
            let said = contains(said).and(contains("table `t` of [[data]] in quack.toml"));
            quackctl(&parent).arg(command).assert().code(2).stderr(said);
        }
    }
    write(&parent, "quack.toml", "[[data]]\ntable = \"t\"\nsql = \"SELECT 1 AS a\"\npartition_by = \"b=a+1\"\n");
    quackctl(&parent).arg("plan").assert().code(2).stderr(contains("cannot be partitioned by `b=a+1`"));
}

#[test]
fn a_number_that_is_none_is_quoted_with_what_is_wanted() {
    let parent = TempDir::new().unwrap();
    for (arguments, value) in [
        (vec!["query", "SELECT 1", "--limit", "-1"], "-1"),
        (vec!["query", "SELECT 1", "--limit", "many"], "many"),
        (vec!["load", "--sample", "taxi", "--table", "t", "--rows", "1e6"], "1e6"),
        (vec!["load", "--sample", "taxi", "--table", "t", "--rows", "-3"], "-3"),
        (vec!["bench", "-n", "x"], "x"),
        (vec!["bench", "-n", "0"], "0"),
        (vec!["bench", "--simulate", "--functions", "8,1001"], "1001"),
    ] {
        let refused = quackctl(&parent).args(arguments).assert().code(2);
        let wanted = contains("write a whole number").and(contains("in digits alone"));
        refused.stderr(contains(format!("'{value}' for")).and(wanted));
    }
}

#[test]
fn a_project_within_a_project_is_told_of() {
    let parent = TempDir::new().unwrap();
    quackctl(&parent).arg("init").assert().success().stderr("");
    fs::create_dir(parent.path().join("lake/sub")).unwrap();
    let inner = quackctl(&parent).args(["-C", "sub", "init"]).assert().success();
    let lake = parent.path().canonicalize().unwrap().join("lake");
    inner.stderr(contains(format!("note: {} is a project", lake.display())));
}

#[test]
fn values_out_of_range_are_quoted_with_their_origin() {
    let parent = TempDir::new().unwrap();
    write(&parent, "quack.toml", "[function]\nmemory_mb = 64\n");
    quackctl(&parent).arg("tables").assert().code(2).stderr(contains("64 (quack.toml)").and(contains("128 to 10240")));
    write(&parent, "quack.toml", "");
    let refused = quackctl(&parent).arg("tables").env("QUACK_LIMIT", "many").assert().code(2);
    refused.stderr(contains("many").and(contains("environment QUACK_LIMIT")));
    write(&parent, "quack.toml", "project = \"Not A Name\"\n");
    quackctl(&parent).arg("tables").assert().code(2).stderr(contains("Not A Name"));
    write(&parent, "quack.toml", "[local.network]\nprofile = \"asw\"\n");
    quackctl(&parent).arg("tables").assert().code(2).stderr(contains("asw").and(contains("`aws`")));
    write(&parent, "quack.toml", "project = [\n");
    quackctl(&parent).arg("tables").assert().code(2).stderr(contains("not valid TOML"));
}

#[test]
fn flags_win_over_the_environment_over_dotenv_over_the_file_over_defaults() {
    let parent = TempDir::new().unwrap();
    let stage = |command: &mut Command| {
        let output = command.args(["--verbose", "init"]).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        stderr.lines().find(|line| line.starts_with("stage")).unwrap_or(&stderr).to_owned()
    };
    assert_eq!(stage(&mut quackctl(&parent)), "stage = dev (default)");
    write(&parent, "quack.toml", "stage = \"file\"\n");
    assert_eq!(stage(&mut quackctl(&parent)), "stage = file (quack.toml)");
    write(&parent, ".env", "QUACK_STAGE=dotenv\n");
    assert_eq!(stage(&mut quackctl(&parent)), "stage = dotenv (environment QUACK_STAGE)");
    assert_eq!(stage(quackctl(&parent).env("QUACK_STAGE", "env")), "stage = env (environment QUACK_STAGE)");
    let mut flagged = quackctl(&parent);
    assert_eq!(stage(flagged.env("QUACK_STAGE", "env").args(["--stage", "flag"])), "stage = flag (flag)");
}

#[test]
fn help_teaches_and_usage_errors_exit_2() {
    let parent = TempDir::new().unwrap();
    for command in ["load", "query", "status", "down", "up", "logs", "tables"] {
        quackctl(&parent).args([command, "--help"]).assert().success().stdout(contains("Examples:"));
    }
    quackctl(&parent).arg("qurey").assert().code(2).stderr(contains("query"));
    quackctl(&parent).args(["-C", "no/such/folder", "tables"]).assert().code(2).stderr(contains("no/such/folder"));
    quackctl(&parent).args(["completions", "bash"]).assert().success().stdout(contains("quackctl"));
}

#[test]
fn errors_are_json_with_the_json_flag() {
    let parent = TempDir::new().unwrap();
    write(&parent, "quack.toml", "staeg = 1\n");
    let output = quackctl(&parent).args(["--json", "tables"]).output().unwrap();
    let error: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert!(error["error"].as_str().unwrap().contains("staeg") && error["help"].as_str().unwrap().contains("stage"));
}
