//! `get` for the kinds of Flux.

use serde_json::{Value, json};

use super::kubernetes::{HELM, KUSTOMIZE, Kubernetes, SOURCE, next_line, ready, toolkit};

const IMAGE: &str = "image.toolkit.fluxcd.io/v1";
const HASH: &str = "0123456789abcdef0123456789abcdef01234567";

/// The cells of a table, row by row.
fn cells(table: &str) -> Vec<Vec<&str>> {
    table.lines().map(|line| line.trim_end().split('\t').map(str::trim_end).collect()).collect()
}

/// Two Kustomizations, one of which failed and is suspended.
fn kustomizations(kubernetes: &Kubernetes) {
    let source = json!({"sourceRef": {"kind": "GitRepository", "name": "git", "namespace": "flux-system"}});
    let status = |status: &str, message: &str| {
        let conditions = [ready(status, "Reason", message)];
        json!({"conditions": conditions, "lastAppliedRevision": format!("main@sha1:{HASH}")})
    };
    let mut web = toolkit(
        KUSTOMIZE,
        "Kustomization",
        "web",
        &source,
        &status("True", &format!("Applied revision: main@sha1:{HASH}")),
    );
    web["metadata"]["labels"] = json!({"team": "listing"});
    kubernetes.apply(web);
    let mut suspended = source;
    suspended["suspend"] = json!(true);
    kubernetes.apply(toolkit(KUSTOMIZE, "Kustomization", "broken", &suspended, &status("False", "no such path")));
    kubernetes.apply(toolkit(KUSTOMIZE, "Kustomization", "young", &json!({}), &json!({})));
}

#[test]
fn kustomizations_are_listed_as_users_of_flux_know_them() {
    let kubernetes = Kubernetes::new("get-ks");
    let get = |args: &[&str]| kubernetes.run(&[&["get"], args].concat());
    get(&["ks"]).refused(
        "✗ no kustomizations found in the namespace `get-ks-test`\n\n\
         hint: look in every namespace with `-A`, or in another one with `-n`\n",
    );
    kustomizations(&kubernetes);
    let expected = "\
NAME  \tREVISION          \tSUSPENDED\tREADY\tMESSAGE                              
broken\tmain@sha1:01234567\tTrue     \tFalse\tno such path                        \t
web   \tmain@sha1:01234567\tFalse    \tTrue \tApplied revision: main@sha1:01234567\t
young \t                  \tFalse    \tFalse\twaiting to be reconciled            \t
";
    for name in ["kustomizations", "kustomization", "ks"] {
        assert_eq!(get(&[name]).data(), expected);
    }
    let table = get(&["ks", "web", "--show-source", "-o", "wide"]).data();
    let rows = cells(&table);
    assert_eq!(rows[0], ["NAME", "SOURCE", "REVISION", "SUSPENDED", "READY", "MESSAGE", "AGE"]);
    assert_eq!(rows[1][..2], ["web", "GitRepository/flux-system/git"]);
    let all = get(&["ks", "-A", "-l", "team=listing"]).data();
    let rows = cells(&all);
    assert_eq!((&rows[0][..2], &rows[1][..2]), (&["NAMESPACE", "NAME"][..], &["get-ks-test", "web"][..]));

    let names = |args: &[&str]| get(&[&["ks", "-o", "name"], args].concat()).data();
    assert_eq!(names(&["-l", "team=listing"]), "Kustomization/get-ks-test/web\n");
    assert_eq!(names(&["--status-selector", "ready=true"]), "Kustomization/get-ks-test/web\n");
    assert_eq!(
        names(&["--status-selector", "Ready!=True"]),
        "Kustomization/get-ks-test/broken\nKustomization/get-ks-test/young\n"
    );
    let line = get(&["ks", "web", "--no-header"]).data();
    assert!(line.starts_with("web \tmain@sha1:01234567\t") && line.lines().count() == 1, "{line}");
    let yaml = get(&["ks", "web", "-o", "yaml"]).data();
    assert!(yaml.starts_with("---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"), "{yaml}");
    let json: Value = serde_json::from_str(&get(&["ks", "-o", "json"]).data()).unwrap();
    assert_eq!(json["items"].as_array().unwrap().len(), 3);

    get(&["ks", "nope"]).refused(
        "✗ Kustomization/get-ks-test/nope not found\n\nhint: `flux-operator get all -A` lists what there is\n",
    );
    get(&["ks", "--status-selector", "ready"]).refused_as(
        "`--status-selector` cannot be `ready`: expected a condition and its status, such as `ready=false` or `ready!=true`",
    );
    get(&["receivers"]).refused(
        "✗ the cluster has no kind `Receiver`\n\n\
         hint: `flux-operator check` tells what is installed; see `--kube-context` if this is the wrong cluster\n",
    );
    assert!(kubernetes.run_anywhere(&["get", "sources"]).data().contains("  external  List ExternalArtifacts\n"));
    get(&["sources"]).refused(
        "✗ `flux-operator get sources` needs a command\n\n\
         hint: `flux-operator get sources --help` lists the commands\n",
    );
    get(&["source", "gti"]).refused_as("unknown command `flux-operator get sources gti`");
}

#[test]
fn a_watch_of_one_kind_prints_its_header_once() {
    let kubernetes = Kubernetes::new("watch-ks");
    kustomizations(&kubernetes);
    let mut child = kubernetes.command(&["get", "ks", "web", "--watch", "-n", "watch-ks-test"]).spawn().unwrap();
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    assert!(next_line(&mut stdout).starts_with("NAME\tREVISION"));
    assert!(next_line(&mut stdout).starts_with("web \tmain@sha1:01234567\tFalse    \tTrue \t"));
    // What is not asked for is not shown.
    kubernetes.apply(toolkit(KUSTOMIZE, "Kustomization", "young", &json!({"path": "x"}), &json!({})));
    kubernetes.apply(toolkit(KUSTOMIZE, "Kustomization", "web", &json!({"suspend": true}), &json!({})));
    assert!(next_line(&mut stdout).starts_with("web \tmain@sha1:01234567\tTrue     \tTrue \t"));
    drop(stdout);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn sources_and_images_have_a_table_for_each_kind() {
    let kubernetes = Kubernetes::new("get-all-of");
    let get = |args: &[&str]| kubernetes.run(&[&["get"], args].concat());
    let refused = get(&["sources", "all"]);
    assert!(
        refused.stderr.starts_with(
            "✗ no ocirepositories, buckets, gitrepositories, helmrepositories, helmcharts, externalartifacts found in"
        ),
        "{refused:?}"
    );
    let fetched = json!({"conditions": [ready("True", "Succeeded", "stored artifact")], "artifact": {"revision": format!("main@sha1:{HASH}")}});
    kubernetes.apply(toolkit(SOURCE, "GitRepository", "git", &json!({}), &fetched));
    kubernetes.apply(toolkit(SOURCE, "OCIRepository", "oci", &json!({"suspend": true}), &json!({})));
    kubernetes.apply(toolkit(SOURCE, "HelmRepository", "charts", &json!({"type": "oci"}), &json!({})));
    let expected = "\
NAME             \tREVISION\tSUSPENDED\tREADY\tMESSAGE                  
ocirepository/oci\t        \tTrue     \tFalse\twaiting to be reconciled \t

NAME              \tREVISION          \tSUSPENDED\tREADY\tMESSAGE         
gitrepository/git\tmain@sha1:01234567\tFalse    \tTrue \tstored artifact \t

";
    let all = get(&["sources", "all"]).data();
    let tidy = |text: &str| cells(text).iter().map(|row| row.join("|")).collect::<Vec<_>>();
    assert_eq!(tidy(&all)[..6], tidy(expected)[..]);
    assert_eq!(
        tidy(&all)[6..],
        ["NAME|REVISION|SUSPENDED|READY|MESSAGE", "helmrepository/charts||False|True|Helm repository is Ready", ""]
    );
    assert_eq!(
        get(&["sources", "all", "-o", "name", "--status-selector", "ready=true"]).data(),
        "GitRepository/get-all-of-test/git\n"
    );
    get(&["sources", "all", "--watch"]).refused_as("unknown flag `--watch`");
    assert_eq!(tidy(&get(&["source", "git"]).data())[1], "git|main@sha1:01234567|False|True|stored artifact");

    let scanned = json!({"conditions": [ready("True", "Succeeded", "found 3 tags")], "lastScanResult": {"scanTime": "2026-08-01T09:12:44Z"}});
    kubernetes.apply(toolkit(IMAGE, "ImageRepository", "web", &json!({}), &scanned));
    let latest =
        json!({"conditions": [ready("True", "Succeeded", "")], "latestRef": {"name": "ghcr.io/a/web", "tag": "v2"}});
    kubernetes.apply(toolkit(IMAGE, "ImagePolicy", "web", &json!({}), &latest));
    assert_eq!(
        tidy(&get(&["images", "all"]).data()),
        [
            "NAME|LAST SCAN|SUSPENDED|READY|MESSAGE",
            "imagerepository/web|2026-08-01T09:12:44Z|False|True|found 3 tags",
            "",
            "NAME|IMAGE|TAG|READY|MESSAGE",
            "imagepolicy/web|ghcr.io/a/web|v2|True",
            "",
        ]
    );

    let history =
        json!({"conditions": [ready("True", "Succeeded", "")], "history": [{"chartVersion": "1.2.3", "version": 1}]});
    kubernetes.apply(toolkit(HELM, "HelmRelease", "web", &json!({}), &history));
    assert_eq!(tidy(&get(&["hr"]).data())[1], "web|1.2.3|False|True");
    let notification = "notification.toolkit.fluxcd.io/v1beta3";
    kubernetes.apply(toolkit(notification, "Alert", "chat", &json!({}), &json!({})));
    kubernetes.apply(toolkit(notification, "Provider", "chat", &json!({}), &json!({})));
    assert_eq!(tidy(&get(&["alerts"]).data()), ["NAME|SUSPENDED|READY|MESSAGE", "chat|False|True|Alert is Ready"]);
    assert_eq!(tidy(&get(&["alert-providers"]).data()), ["NAME|READY|MESSAGE", "chat|True|Provider is Ready"]);
}
