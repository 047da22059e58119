//! Arguments: versions, help, and what is not understood.

use clap::CommandFactory as _;
use flux_operator_cli::cli::Cli;

use crate::world::{World, finish, instance};

#[test]
fn tells_its_version() {
    let expected = concat!("flux-operator version ", env!("CARGO_PKG_VERSION"), "\n");
    for flag in ["-v", "--version"] {
        assert_eq!(World::new().run(&[flag]).data(), expected);
    }
}

#[test]
fn groups_and_help_flags_print_help_to_stdout() {
    let world = World::new();
    let root = world.run(&[]).data();
    let first = "See, change and await what the Flux operator does, and render it\n\nUsage: flux-operator [OPTIONS] <COMMAND>\n";
    assert!(root.starts_with(first), "{root}");
    assert_eq!(world.run(&["-h"]).data(), root);
    // How to get to a cluster is for those who ask for everything.
    assert!(!root.contains("--kube-context"), "{root}");
    assert!(world.run(&["--help"]).data().contains("--kube-context"));
    let group = world.run(&["build"]).data();
    assert!(group.contains("  instance  Render the Kubernetes objects of a FluxInstance\n"), "{group}");
    let help = world.run(&["build", "instance", "--help"]).data();
    assert!(help.contains("[env: FLUX_OPERATOR_DISTRIBUTION]") && help.ends_with('\n'), "{help}");
    assert!(!help.contains("--file "), "the alias is hidden: {help}");
}

#[test]
fn the_parser_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn examples_of_the_help_parse() {
    let mut commands = vec![Cli::command()];
    while let Some(command) = commands.pop() {
        commands.extend(command.get_subcommands().cloned());
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let is_leaf = !command.has_subcommands() && !command.is_hide_set();
        assert!(!is_leaf || help.contains("flux-operator "), "`{}` has no example", command.get_name());
        // A line that ends in a backslash goes on.
        let help = help.replace("\\\n", " ");
        help.lines().filter(|line| line.starts_with("  ")).for_each(parses);
    }
}

/// Parses every call in a line: up to a pipe, a redirection or a bracket.
#[track_caller]
pub(crate) fn parses(line: &str) {
    let line = line.trim();
    for (start, _) in line.match_indices("flux-operator ").filter(|_| !line.starts_with('#')) {
        let is_call = start == 0 || line[..start].ends_with(['|', '(']) || line[..start].ends_with("| ");
        let call = words(&line[start..]);
        let parsed = Cli::from_args(call.iter().map(Into::into));
        assert!(!is_call || matches!(parsed, Ok(Some(_))), "`{call:?}`: {parsed:?}");
    }
}

/// The words of a call as a shell has them, quotes taken off.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut quote) = (vec![String::new()], None);
    for c in line.chars() {
        match (quote, c) {
            (None, ')' | '|' | '>' | '<') => break,
            (None, '"' | '\'') => quote = Some(c),
            (None, ' ') => words.push(String::new()),
            (Some(open), _) if open == c => quote = None,
            _ => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[track_caller]
fn check(args: &[&str], stderr: &str) {
    World::new().run(args).refused(stderr);
}

#[test]
fn unknown_commands_come_with_a_suggestion() {
    check(&["buidl"], "✗ unknown command `flux-operator buidl`\n\nhint: did you mean `build`?\n");
    check(
        &["build", "instances"],
        "✗ unknown command `flux-operator build instances`\n\nhint: did you mean `instance`?\n",
    );
    check(
        &["build", "xyz"],
        "✗ unknown command `flux-operator build xyz`\n\nhint: `flux-operator build --help` lists the commands\n",
    );
}

#[test]
fn flags_that_are_not_understood() {
    let build = |args: &[&'static str]| [&["build", "instance"], args].concat();
    let flags = "hint: `flux-operator build instance --help` lists the flags\n";
    check(&build(&["--filenam", "a"]), "✗ unknown flag `--filenam`\n\nhint: did you mean `--filename`?\n");
    check(&build(&["-x"]), &format!("✗ unknown flag `-x`\n\n{flags}"));
    check(&build(&["-f"]), &format!("✗ `--filename` needs a value\n\n{flags}"));
    check(
        &build(&["-f", "a", "-o", "jsn"]),
        "✗ `--output` accepts `yaml` or `json`, received `jsn`\n\nhint: did you mean `json`?\n",
    );
    check(
        &["get", "all", "-o", "jsonpath={.a"],
        "✗ `--output` cannot be `jsonpath={.a`: expected `}` at character 4; \
         it is written like `{range .items[*]}{.metadata.name}{\"\\n\"}{end}`\n\n\
         hint: `flux-operator get all --help` lists the flags\n",
    );
    check(
        &["get", "all", "-o", "jsonpath"],
        "✗ `--output` accepts `table` or `wide` or `yaml` or `json` or `name` or `jsonpath=`, received `jsonpath`\n\n\
         hint: did you mean `jsonpath=`?\n",
    );
    check(&build(&["-o", "yaml", "-o", "json"]), &format!("✗ `--output` is given more than once\n\n{flags}"));
    check(
        &build(&["-f", "a.yaml", "b.yaml"]),
        "\
✗ `flux-operator build instance` accepts no arguments, received `b.yaml`

hint: repeat the flag for each file, for example `-f a.yaml -f b.yaml`; \
         `flux-operator build instance --help` lists the flags
",
    );
}

#[test]
fn required_flags_say_how_to_give_them() {
    let world = World::new();
    let mut command = world.command(&["build", "instance"]);
    finish(command.env("FLUX_OPERATOR_DISTRIBUTION", ""), "").refused(
        "\
✗ --filename is required

hint: name a file or a directory with FluxInstances, or `-` for stdin: `-f flux.yaml`

✗ --distribution is required

hint: give `--distribution DIR` or set `FLUX_OPERATOR_DISTRIBUTION`; \
         the directory holds `flux/<version>/` and `flux-images/<version>/`
",
    );
}

#[test]
fn colours_are_for_terminals() {
    let world = World::with(&[("flux.yaml", &instance("1.x", ""))]);
    let mut command = world.command(&["build", "instance", "-f", "flux.yaml"]);
    assert!(!finish(&mut command, "").stderr.contains('\u{1b}'));
    assert!(finish(command.env("CLICOLOR_FORCE", "1"), "").stderr.starts_with("\u{1b}[1m\u{1b}[31m✗\u{1b}[0m flux"));
    assert!(!finish(command.env("NO_COLOR", "1"), "").stderr.contains('\u{1b}'));
}
