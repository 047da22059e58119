//! The builder as a library: distribution loaded, instance after instance.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use flux_operator_builder::{Admission, Bundle, Release, ReleaseVersion, build};
use flux_operator_distro::Directory;

use super::fleet;
use super::table::{Figure, Table, median};

/// Runs before those that count.
const WARM_UP: usize = 5;
/// Runs that count: as many as fit in this time, but at least some and at most enough.
const TIME_PER_ROW: Duration = Duration::from_millis(1500);
const RUNS: std::ops::RangeInclusive<usize> = 15..=1000;

const ONE_INSTANCE: Figure = Figure::Time(Duration::from_millis(2));
const HUNDRED_SHARDS: Figure = Figure::Time(Duration::from_millis(40));
/// What a shard may cost among 100, as a multiple of what it costs among 10. Linear is 1; the rest
/// is for caches and for noise.
const GROWTH: Figure = Figure::Ratio(1.3);

/// What is there before the first instance.
struct Loaded {
    admission: Admission,
    version: ReleaseVersion,
    release: Release,
}

pub(super) fn measure(distribution: &Directory, table: &mut Table) -> anyhow::Result<()> {
    let loaded = load(distribution)?;
    let minimal = fleet::minimal(&loaded.version);

    table.note(
        "first instance, files read and parsed",
        time(|| {
            let loaded = load(distribution)?;
            loaded.render(&minimal)
        })?,
    );
    table.at_most("one instance, text to objects", ONE_INSTANCE, time(|| loaded.render(&minimal))?);
    let to_yaml = time(|| {
        let mut yaml = String::new();
        loaded.render(&minimal)?.write_yaml(&mut yaml);
        Ok(yaml)
    })?;
    table.at_most("one instance, text to YAML", ONE_INSTANCE, to_yaml);

    let sharded = |shards| {
        let text = fleet::sharded(&loaded.version, shards);
        time(|| loaded.render(&text))
    };
    let (none, ten, forty, hundred) = (sharded(0)?, sharded(10)?, sharded(40)?, sharded(100)?);
    table.note("all components, no shards", none);
    table.note("all components, 10 shards", ten);
    table.note("all components, 40 shards", forty);
    table.at_most("all components, 100 shards", HUNDRED_SHARDS, hundred);
    let growth = (seconds(hundred) - seconds(none)) / 100.0 / ((seconds(ten) - seconds(none)) / 10.0);
    table.at_most("cost of a shard among 100, to one among 10", GROWTH, Figure::Ratio(growth));
    Ok(())
}

fn load(distribution: &Directory) -> anyhow::Result<Loaded> {
    let versions = distribution.versions()?;
    let version = versions.last().context("the distribution has no version")?;
    Ok(Loaded { admission: Admission::new(), version: version.clone(), release: distribution.release(version)? })
}

impl Loaded {
    fn render(&self, instance: &str) -> anyhow::Result<Bundle> {
        let manifests = self.admission.read(instance)?;
        let plan = manifests.first().context("the instance has no document")?.plan()?;
        Ok(build(&plan, &self.release)?)
    }
}

/// The median time of a function.
fn time<T>(run: impl Fn() -> anyhow::Result<T>) -> anyhow::Result<Figure> {
    for _ in 0..WARM_UP {
        black_box(run()?);
    }
    let began = Instant::now();
    let mut times = Vec::new();
    while times.len() < *RUNS.start() || (times.len() < *RUNS.end() && began.elapsed() < TIME_PER_ROW) {
        let start = Instant::now();
        let result = black_box(run()?);
        times.push(start.elapsed());
        // Whoever uses the result pays for giving it back; it is not part of rendering.
        drop(result);
    }
    Ok(Figure::Time(median(times)))
}

fn seconds(figure: Figure) -> f64 {
    match figure {
        Figure::Time(time) => time.as_secs_f64(),
        _ => f64::NAN,
    }
}
