//! `install` and `uninstall`. There is one namespace and one set of kinds, so this is one test.

use super::kubernetes::Kubernetes;
use crate::world::{Outcome, World};

#[test]
fn an_installation_can_be_looked_at_first() {
    let world = World::with(&[("flux.yaml", &crate::world::instance("2.x", ""))]);
    let export = |args: &[&str]| world.run(&[&["install", "--export"], args].concat());
    let text = export(&[]).data();
    for kind in ["CustomResourceDefinition", "Namespace", "ClusterRole", "Deployment", "FluxInstance"] {
        assert!(text.contains(&format!("\nkind: {kind}\n")), "{kind} is missing");
    }
    let sync = ["--instance-sync-url", "oci://ghcr.io/a/b", "--instance-sync-ref", "latest"];
    let text = export(&[&sync[..], &["--instance-sync-creds", "me:canary"]].concat()).data();
    assert!(text.contains("    kind: OCIRepository\n    path: ./\n    pullSecret: flux-system\n"), "{text}");
    assert!(!text.contains("canary"), "{text}");
    let text = export(&["-f", "flux.yaml", "--image", "example.com/operator:v7"]).data();
    assert!(
        text.contains("image: example.com/operator:v7\n") && text.contains("  name: flux\n  namespace: flux-system\n"),
        "{text}"
    );
    assert!(!export(&["--without-instance"]).data().contains("\nkind: FluxInstance\n"));

    export(&["--instance-cluster-size", "tiny"]).refused_as(
        "`--instance-cluster-size` cannot be `tiny`: expected a cluster size (`small`, `medium`, `large`), found `tiny`",
    );
    export(&["--instance-distribution-version", "latest"]).refused_as("the flags make no FluxInstance");
    export(&["-n", "apps"]).refused_as("the operator is installed in the namespace `flux-system`");
    export(&["--instance-sync-creds", "me"])
        .refused_as("the credentials of the repository are not of the form `user:token`");
}

#[test]
fn the_operator_is_installed_upgraded_and_found() {
    let kubernetes = Kubernetes::new("install");
    let install = || kubernetes.command(&["install", "--without-instance"]).spawn().unwrap();
    kubernetes.run(&["uninstall", "--yes"]).refused(
        "✗ the namespace `install-test` does not hold the operator\n\n\
         hint: name the namespace of the operator with `-n flux-system`\n",
    );
    let first = install();
    // No controllers run here.
    kubernetes.run_the_operator();
    let Outcome { code, stdout, stderr } = Outcome::of(first);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.contains("Deployment/flux-system/flux-operator created\n"), "{stdout}");
    assert!(
        stderr.contains("✔ Flux Operator has been installed successfully\n✔ Flux Operator version: v0.1.0\n"),
        "{stderr}"
    );
    let Outcome { code, stdout, .. } = Outcome::of(install());
    assert!(stdout.contains("Deployment/flux-system/flux-operator unchanged\n"), "{stdout}");
    assert!(!stdout.contains("configured"), "{stdout}");
    assert_eq!(code, Some(0));
    let namespace = kubernetes.run_anywhere(&["uninstall", "-n", "flux-system", "--dry-run"]).data();
    for id in ["ClusterRole/flux-operator", "Deployment/flux-system/flux-operator", "Namespace/flux-system"] {
        assert!(namespace.contains(&format!("{id} deleted (dry run)\n")), "{namespace}");
    }
}
