//! The text of `/metrics`: OpenMetrics 1.0 for whoever asks for it, and the older format of Prometheus for everybody else, a
//! person with curl included.

use std::fmt::{self, Display, Write};

use crate::net::figures::{BOUNDS_US, Times};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    OpenMetrics,
    Classic,
}

impl Format {
    /// By the request's Accept header.
    pub fn accepted(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") { Format::OpenMetrics } else { Format::Classic }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Format::Classic => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Text in the making, as OpenMetrics has it.
#[derive(Debug, Default)]
pub struct Page {
    pub(super) out: String,
}

/// Labels of one sample.
pub type Labels<'a> = &'a [(&'static str, &'a str)];

impl Page {
    /// What only grows. `name` is without `_total`.
    ///
    /// # Errors
    /// None that is known, here and below: writing to memory does not fail.
    pub fn counter<V: Display>(&mut self, name: &str, help: &str, samples: &[(Labels<'_>, V)]) -> fmt::Result {
        self.head(name, help, "counter")?;
        samples.iter().try_for_each(|(labels, value)| self.sample(&format!("{name}_total"), labels, value))
    }

    /// What goes up and down.
    pub fn gauge<V: Display>(&mut self, name: &str, help: &str, samples: &[(Labels<'_>, V)]) -> fmt::Result {
        self.head(name, help, "gauge")?;
        samples.iter().try_for_each(|(labels, value)| self.sample(name, labels, value))
    }

    /// Times, in seconds. `name` ends in `_seconds`.
    pub fn times(&mut self, name: &str, help: &str, times: &Times) -> fmt::Result {
        self.head(name, help, "histogram")?;
        let (counts, sum_us) = times.read();
        let mut below = 0;
        for (bound_us, count) in BOUNDS_US.iter().zip(counts) {
            below += count;
            let bound = (*bound_us as f64 / 1e6).to_string();
            self.sample(&format!("{name}_bucket"), &[("le", &bound)], below)?;
        }
        below += counts[BOUNDS_US.len()];
        self.sample(&format!("{name}_bucket"), &[("le", "+Inf")], below)?;
        self.sample(&format!("{name}_sum"), &[], sum_us as f64 / 1e6)?;
        self.sample(&format!("{name}_count"), &[], below)
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) -> fmt::Result {
        writeln!(self.out, "# HELP {name} {help}.\n# TYPE {name} {kind}")?;
        if name.ends_with("_seconds") {
            writeln!(self.out, "# UNIT {name} seconds")?;
        }
        Ok(())
    }

    fn sample(&mut self, name: &str, labels: Labels<'_>, value: impl Display) -> fmt::Result {
        self.out.push_str(name);
        for (at, (label, text)) in labels.iter().enumerate() {
            self.out.push(if at == 0 { '{' } else { ',' });
            write!(self.out, "{label}=\"{}\"", escaped(text))?;
        }
        writeln!(self.out, "{} {value}", if labels.is_empty() { "" } else { "}" })
    }

    /// The whole text.
    pub fn finish(mut self, format: Format) -> String {
        match format {
            Format::OpenMetrics => {
                self.out.push_str("# EOF\n");
                self.out
            }
            Format::Classic => classic(&self.out),
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// The older format has no units, and calls a counter by the name of its sample.
fn classic(open: &str) -> String {
    let mut out = String::with_capacity(open.len());
    let mut help = None;
    for line in open.lines() {
        if line.starts_with("# UNIT ") {
            continue;
        }
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ');
            continue;
        }
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            let ending = if kind == "counter" { "_total" } else { "" };
            let text = help.take().map_or("", |(_, text)| text);
            out.push_str(&format!("# HELP {name}{ending} {text}\n# TYPE {name}{ending} {kind}\n"));
            continue;
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn page() -> Page {
        let mut page = Page::default();
        page.counter("nearcall_things", "Things", &[(&[("kind", "a \"b\"")], 3)]).unwrap();
        let times = Times::default();
        times.note(Duration::from_micros(15));
        times.note(Duration::from_secs(5));
        page.times("nearcall_wait_seconds", "Waits", &times).unwrap();
        page
    }

    #[test]
    fn open_metrics_has_units_and_an_end() {
        let text = page().finish(Format::OpenMetrics);
        assert!(text.starts_with("# HELP nearcall_things Things.\n# TYPE nearcall_things counter\n"), "{text}");
        assert!(text.contains("nearcall_things_total{kind=\"a \\\"b\\\"\"} 3\n"), "{text}");
        assert!(text.contains("# UNIT nearcall_wait_seconds seconds\n"), "{text}");
        assert!(text.contains("nearcall_wait_seconds_bucket{le=\"0.00001\"} 0\n"), "{text}");
        assert!(text.contains("nearcall_wait_seconds_bucket{le=\"0.00002\"} 1\n"), "{text}");
        assert!(
            text.contains("nearcall_wait_seconds_bucket{le=\"+Inf\"} 2\nnearcall_wait_seconds_sum 5.000015\n"),
            "{text}"
        );
        assert!(text.ends_with("nearcall_wait_seconds_count 2\n# EOF\n"), "{text}");
    }

    #[test]
    fn the_older_format_calls_a_counter_by_its_sample() {
        let text = page().finish(Format::Classic);
        assert!(
            text.starts_with("# HELP nearcall_things_total Things.\n# TYPE nearcall_things_total counter\n"),
            "{text}"
        );
        assert!(!text.contains("UNIT") && !text.contains("EOF"), "{text}");
    }

    #[test]
    fn prometheus_gets_what_it_asks_for_and_curl_what_it_can_read() {
        let prometheus = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
        assert_eq!(Format::accepted(prometheus), Format::OpenMetrics);
        assert_eq!(Format::accepted("*/*"), Format::Classic);
    }
}
