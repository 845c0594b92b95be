//! The page as text, in the OpenMetrics format. Figures and names of models only: no path of a file or folder stands in it.

use std::fmt::{Error, Write};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelValue, EncodeMetric, LabelValueEncoder, text::encode};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use crate::daemon::counters::Counts;
use crate::daemon::status::Status;
use crate::inference::{Active, Runtime};
use crate::pipeline::ModelVersions;

/// The page of how the service stands now.
pub(super) fn text(status: Status, model_versions: ModelVersions) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Figures { status, model_versions }));
    let mut page = String::new();
    // Writing to a String cannot fail.
    let _ = encode(&mut page, &registry);
    page
}

#[derive(Debug)]
struct Figures {
    status: Status,
    model_versions: ModelVersions,
}

/// A label's value, in which quotes, backslashes and ends of lines are escaped: the encoder takes values as they come.
struct Escaped<'t>(&'t str);

impl EncodeLabelValue for Escaped<'_> {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> Result<(), Error> {
        self.0.chars().try_for_each(|c| match c {
            '\\' => encoder.write_str("\\\\"),
            '"' => encoder.write_str("\\\""),
            '\n' => encoder.write_str("\\n"),
            c => encoder.write_char(c),
        })
    }
}

impl Collector for Figures {
    fn encode(&self, encoder: DescriptorEncoder) -> Result<(), Error> {
        let mut page = Page(encoder);
        page.counts(&self.status.counts)?;
        page.standing(&self.status)?;
        page.who(&self.status, &self.model_versions)
    }
}

/// What runs the models, and which part of the machine computes.
fn engine_and_provider(active: Option<Active>) -> (String, String) {
    match active {
        Some(Active::OnnxRuntime { version, provider, .. }) => (format!("onnxruntime {version}"), provider),
        Some(Active::Embedded) | None => ("tract".to_owned(), "cpu".to_owned()),
    }
}

struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn counts(&mut self, counts: &Counts) -> Result<(), Error> {
        self.counter("reclassd_files_seen", "Files that were taken down the line.", counts.seen)?;
        self.counter("reclassd_files_unchanged", "Of these, files that were settled already.", counts.unchanged)?;
        self.counter("reclassd_files_written", "Of these, files whose tags were written.", counts.written)?;
        let Counts { tagged, kept, unsure, skipped, failed, .. } = *counts;
        let by_status =
            [("tagged", tagged), ("kept", kept), ("unsure", unsure), ("skipped", skipped), ("failed", failed)];
        self.counters("reclassd_files", "Files by what became of them.", "status", by_status)?;
        let reasons = counts.reasons.iter().map(|(reason, &files)| (reason.as_str(), files));
        self.counters("reclassd_reasons", "Files that were skipped or failed, by reason.", "reason", reasons)?;
        let help = "Time spent in each stage, all workers together.";
        let mut stages = self.0.encode_descriptor("reclassd_stage", help, Some(&Unit::Seconds), MetricType::Counter)?;
        for (stage, &seconds) in &counts.stage_seconds {
            ConstCounter::new(seconds).encode(stages.encode_family(&[("stage", Escaped(stage))])?)?;
        }
        Ok(())
    }

    fn standing(&mut self, status: &Status) -> Result<(), Error> {
        let watch = &status.watch;
        let queue = [("settling", watch.waiting), ("ripe", status.queued), ("working", status.working)];
        self.gauges("reclassd_queue_files", "Files that wait or are worked on.", "state", queue)?;
        let away = watch.roots.iter().filter(|root| root.away.is_some()).count();
        let polled = watch.roots.iter().filter(|root| root.away.is_none() && root.polled.is_some()).count();
        let roots = [("watched", watch.roots.len() - away - polled), ("polled", polled), ("away", away)];
        self.gauges("reclassd_roots", "Folders of the library by how they are looked after.", "state", roots)?;
        self.gauge("reclassd_watched_folders", "Folders that the kernel watches for us.", watch.watches)?;
        self.gauge(
            "reclassd_resting",
            "1 while no file is worked on, by the hour or on battery.",
            usize::from(status.resting.is_some()),
        )?;
        self.gauge(
            "reclassd_trouble",
            "1 while something keeps files from being worked on or written: a full disk, a database that is gone.",
            usize::from(status.trouble.is_some()),
        )?;
        self.gauge("reclassd_models_loaded", "1 while the models are in memory.", usize::from(status.models_loaded))
    }

    fn who(&mut self, status: &Status, model_versions: &ModelVersions) -> Result<(), Error> {
        let help = "The program.";
        let mut build = self.0.encode_descriptor("reclassd_build_info", help, None, MetricType::Gauge)?;
        ConstGauge::new(1u64).encode(build.encode_family(&[("version", Escaped(&status.version))])?)?;
        let help = "Who listens: the ensemble, and where its models run.";
        let mut ensemble = self.0.encode_descriptor("reclassd_ensemble_info", help, None, MetricType::Gauge)?;
        let (engine, provider) = engine_and_provider(Runtime::started().map(Runtime::active));
        let labels = [
            ("ensemble", Escaped(model_versions.ensemble.as_str())),
            ("engine", Escaped(&engine)),
            ("provider", Escaped(&provider)),
        ];
        ConstGauge::new(1u64).encode(ensemble.encode_family(&labels)?)?;
        let help = "The models that have a say.";
        let mut models = self.0.encode_descriptor("reclassd_model_info", help, None, MetricType::Gauge)?;
        for (name, version) in &model_versions.models {
            let labels = [("model", Escaped(name)), ("version", Escaped(version))];
            ConstGauge::new(1u64).encode(models.encode_family(&labels)?)?;
        }
        let help = "When the service started, in seconds since 1970.";
        let start = self.0.encode_descriptor("process_start_time", help, Some(&Unit::Seconds), MetricType::Gauge)?;
        ConstGauge::new(status.started_at).encode(start)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> Result<(), Error> {
        ConstCounter::new(value).encode(self.0.encode_descriptor(name, help, None, MetricType::Counter)?)
    }

    fn gauge(&mut self, name: &str, help: &str, value: usize) -> Result<(), Error> {
        ConstGauge::new(value as u64).encode(self.0.encode_descriptor(name, help, None, MetricType::Gauge)?)
    }

    fn counters<'v>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'v str, u64)>,
    ) -> Result<(), Error> {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (value, count) in values {
            ConstCounter::new(count).encode(family.encode_family(&[(label, Escaped(value))])?)?;
        }
        Ok(())
    }

    fn gauges<'v>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'v str, usize)>,
    ) -> Result<(), Error> {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (value, number) in values {
            ConstGauge::new(number as u64).encode(family.encode_family(&[(label, Escaped(value))])?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> Status {
        Status {
            pid: 1,
            version: "0.1.0".to_owned(),
            started_at: 1_700_000_000,
            written_at: 1_700_000_001,
            state: "idle".to_owned(),
            resting: None,
            trouble: None,
            process_start: None,
            queued: 3,
            working: 0,
            rate: 0.0,
            models_loaded: true,
            watch: Default::default(),
            counts: Counts::default(),
            last_errors: Vec::new(),
        }
    }

    #[test]
    fn a_reason_with_quotes_and_line_ends_stays_one_value_on_one_line() {
        let mut status = status();
        status.counts.reasons.insert("odd \"tag\" C:\\\nreclassd_files_total 99".to_owned(), 7);
        let page = text(status, ModelVersions::default());
        let line = page.lines().find(|line| line.starts_with("reclassd_reasons_total")).unwrap();
        assert_eq!(line, r#"reclassd_reasons_total{reason="odd \"tag\" C:\\\nreclassd_files_total 99"} 7"#);
        assert!(!page.lines().any(|line| line.starts_with("reclassd_files_total 99")), "{page}");
    }

    #[test]
    fn a_library_that_computes_is_named_with_its_version_and_place() {
        let active = Active::OnnxRuntime { path: "/x.so".into(), version: "1.22".into(), provider: "cuda:0".into() };
        assert_eq!(engine_and_provider(Some(active)), ("onnxruntime 1.22".to_owned(), "cuda:0".to_owned()));
    }

    #[test]
    fn the_page_says_who_listens_and_since_when() {
        let model_versions = ModelVersions {
            ensemble: "reclassd-builtin 2".to_owned(),
            models: vec![("cnn".to_owned(), "2.0".to_owned())],
        };
        let page = text(status(), model_versions);
        for line in [
            r#"reclassd_ensemble_info{ensemble="reclassd-builtin 2",engine="tract",provider="cpu"} 1"#,
            r#"reclassd_model_info{model="cnn",version="2.0"} 1"#,
            "process_start_time_seconds 1700000000",
            r#"reclassd_queue_files{state="ripe"} 3"#,
        ] {
            assert!(page.lines().any(|found| found == line), "{line} is missing in:\n{page}");
        }
        assert!(page.ends_with("# EOF\n"));
    }
}
