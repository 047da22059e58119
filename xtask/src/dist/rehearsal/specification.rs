//! A container in the words of OCI runtimes.

use std::path::Path;

use serde_json::{Value, json};

use super::pod::Request;

/// What is mounted beside what a kubelet mounts: libraries of this machine, for a program that needs them.
pub(super) const LIBRARIES: [&str; 3] = ["/lib", "/lib64", "/usr/lib"];

/// Where things are on this machine.
#[derive(Debug)]
pub(super) struct Places<'a> {
    /// The file system of the image.
    pub(super) root: &'a Path,
    /// A folder for each volume, by its name.
    pub(super) volumes: &'a Path,
    /// Of the groups of processes that limits are for.
    pub(super) group: &'a str,
    /// Whether the program is not static.
    pub(super) libraries: bool,
}

/// How a kernel counts a processor.
const PERIOD: i64 = 100_000;

/// The `config.json` of a container.
///
/// It has the network of this machine, on whose loopback the API server of a rehearsal is. The rest is as a kubelet
/// has it, but for the seccomp profile, which every runtime has its own of.
pub(super) fn of(request: &Request, places: &Places<'_>) -> Value {
    let mut mounts = vec![
        json!({"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]}),
        json!({"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
            "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]}),
        json!({"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]}),
    ];
    for mount in &request.mounts {
        mounts.push(bind(&places.volumes.join(&mount.volume), &mount.path, mount.read_only));
    }
    // As the container sees the names of its machine.
    for file in ["/etc/hosts", "/etc/resolv.conf"].into_iter().filter(|file| Path::new(file).exists()) {
        mounts.push(bind(Path::new(file), file, true));
    }
    if places.libraries {
        let there = LIBRARIES.into_iter().filter(|folder| Path::new(folder).exists());
        mounts.extend(there.map(|folder| bind(Path::new(folder), folder, true)));
    }
    let devices = json!([{"allow": false, "access": "rwm"}]);
    let memory = request.memory.map(|memory| json!({"limit": memory}));
    let cpu = request.cpu.map(|cpu| json!({"quota": cpu * PERIOD / 1000, "period": PERIOD}));
    let resources = [("devices", Some(devices)), ("memory", memory), ("cpu", cpu)];
    let resources: Value = resources.into_iter().filter_map(|(name, limit)| Some((name, limit?))).collect();
    let namespaces = ["pid", "ipc", "uts", "mount"].map(|kind| json!({"type": kind}));
    json!({
        "ociVersion": "1.0.2",
        "root": {"path": places.root, "readonly": request.read_only_root},
        "process": {
            "args": request.args, "env": request.env, "cwd": request.folder,
            "user": {"uid": request.user, "gid": request.group},
            "capabilities": {}, "noNewPrivileges": true,
        },
        "mounts": mounts,
        "linux": {
            "namespaces": namespaces,
            "cgroupsPath": format!("/{}", places.group),
            "resources": resources,
            "maskedPaths": ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        },
    })
}

fn bind(source: &Path, destination: &str, read_only: bool) -> Value {
    let access = if read_only { "ro" } else { "rw" };
    json!({"destination": destination, "type": "bind", "source": source, "options": ["rbind", "nosuid", "nodev", access]})
}

#[cfg(test)]
mod tests {
    use super::super::pod::tests::{config, pod, server};
    use super::*;

    #[test]
    fn it_has_no_more_rights_than_the_pod_gives() {
        let request = Request::new(&pod("", Value::Null), &config(), &server()).unwrap();
        let [root, volumes] = ["/r", "/v"].map(Path::new);
        let specification = of(&request, &Places { root, volumes, group: "g", libraries: false });
        assert_eq!(specification["root"], json!({"path": "/r", "readonly": true}));
        assert_eq!(specification["process"]["user"], json!({"uid": 65532, "gid": 65532}));
        assert_eq!(specification["process"]["capabilities"], json!({}));
        assert_eq!(specification["process"]["noNewPrivileges"], true);
        assert_eq!(specification["linux"]["resources"]["memory"]["limit"], 64 << 20);
        assert_eq!(specification["linux"]["resources"]["cpu"]["quota"], 50_000);
        let mounts = specification["mounts"].as_array().unwrap();
        let writable = mounts.iter().filter(|mount| mount["type"] == "bind" && mount["options"][3] == "rw");
        assert_eq!(writable.map(|mount| &mount["source"]).collect::<Vec<_>>(), ["/v/tmp"]);
        assert!(!mounts.iter().any(|mount| mount["source"] == "/lib"), "{mounts:?}");
    }
}
