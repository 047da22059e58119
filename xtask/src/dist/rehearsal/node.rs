//! What a kubelet does for a pod: volumes, a container, probes.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Volume, VolumeProjection};

use super::container::Container;
use super::hands::Hands;
use super::pod::{self, Question, Request, Server};
use super::specification::{self, Places};
use crate::dist::layout::Contents;

/// How long the program may take until it answers.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

/// Runs the container of a pod in a folder, from an image.
pub(super) fn run(
    pod: &Pod,
    image: &Contents,
    libraries: bool,
    server: &Server,
    hands: &Hands<'_>,
    folder: &Path,
) -> anyhow::Result<(Request, Container)> {
    let request = Request::new(pod, &image.config, server).context("the pod cannot be run")?;
    let (root, volumes, own) = (folder.join("root"), folder.join("volumes"), folder.join("container"));
    for folder in [&root, &volumes, &own] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    }
    image.unpack(&root)?;
    for volume in pod::volumes(pod) {
        fill(volume, pod, hands, &volumes.join(&volume.name))
            .with_context(|| format!("cannot make the volume `{}`", volume.name))?;
    }
    let name = format!("flux-operator-rehearsal-{}", std::process::id());
    let places = Places { root: &root, volumes: &volumes, group: &name, libraries };
    let container = Container::start(&name, &own, &specification::of(&request, &places))?;
    Ok((request, container))
}

fn fill(volume: &Volume, pod: &Pod, hands: &Hands<'_>, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir(folder)?;
    if volume.empty_dir.is_some() {
        return Ok(fs::set_permissions(folder, fs::Permissions::from_mode(0o777))?);
    }
    let projected = volume.projected.as_ref().context("it is of a kind that a rehearsal does not know")?;
    for source in projected.sources.iter().flatten() {
        for (name, content) in projection(source, pod, hands)? {
            fs::write(folder.join(name), content)?;
        }
    }
    Ok(())
}

/// The files of one source of a projected volume.
fn projection(source: &VolumeProjection, pod: &Pod, hands: &Hands<'_>) -> anyhow::Result<Vec<(String, String)>> {
    let namespace = pod::field(pod, "metadata.namespace")?;
    if let Some(token) = &source.service_account_token {
        let (name, uid) = (pod::field(pod, "metadata.name")?, pod::field(pod, "metadata.uid")?);
        let account = pod.spec.as_ref().and_then(|spec| spec.service_account_name.as_deref()).unwrap_or("default");
        let seconds = token.expiration_seconds.unwrap_or(3600);
        let bound = format!("--bound-object-kind=Pod --bound-object-name={name} --bound-object-uid={uid}");
        let text =
            hands.run(&format!("kubectl -n {namespace} create token {account} --duration={seconds}s {bound}"))?;
        return Ok(vec![(token.path.clone(), text.trim().to_owned())]);
    }
    if let Some(wanted) = &source.config_map {
        let map: ConfigMap = hands.get(&format!("configmap {} -n {namespace}", wanted.name))?;
        let data = map.data.unwrap_or_default();
        let items = wanted.items.iter().flatten();
        let file =
            |item: &k8s_openapi::api::core::v1::KeyToPath| Some((item.path.clone(), data.get(&item.key)?.clone()));
        return items.map(|item| file(item).with_context(|| format!("there is no `{}`", item.key))).collect();
    }
    let fields = source.downward_api.as_ref().context("it has a source that a rehearsal does not know")?;
    let mut files = Vec::new();
    for item in fields.items.iter().flatten() {
        let reference = item.field_ref.as_ref().context("expected a field of the pod")?;
        files.push((item.path.clone(), pod::field(pod, &reference.field_path)?.to_owned()));
    }
    Ok(files)
}

/// Waits until a program answers a question well, and returns how long that took.
pub(super) fn answers(container: &mut Container, question: &Question) -> anyhow::Result<Duration> {
    let began = Instant::now();
    loop {
        container.runs()?;
        let answer = ask(question);
        if matches!(answer, Ok(200..400)) {
            return Ok(began.elapsed());
        }
        if began.elapsed() > PATIENCE {
            bail!(
                "`{}` at port {} gives {answer:?} after {PATIENCE:?}:\n{}",
                question.path,
                question.port,
                container.log()
            );
        }
        thread::sleep(PAUSE);
    }
}

/// The status that a server answers with.
fn ask(question: &Question) -> anyhow::Result<u16> {
    let mut stream = TcpStream::connect(("127.0.0.1", question.port))?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    write!(stream, "GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", question.path)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let mut words = answer.split(' ');
    ensure!(words.next() == Some("HTTP/1.1"), "expected HTTP, found `{answer}`");
    Ok(words.next().unwrap_or_default().parse()?)
}
