//! Rows of figures: what was measured, what stands beside it, and whether the floor holds; as a table and as JSON.

use std::{fmt::Write as _, path::Path};

use serde_json::{Value as Json, json};

/// Whether a figure should be small or large.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    AtMost(f64),
    AtLeast(f64),
    /// At least so much of the baseline, whatever the machine.
    RatioAtLeast(f64),
    /// At most so much of the baseline, whatever the machine.
    RatioAtMost(f64),
    /// No floor: it explains another row.
    Told,
}

/// Something simpler, measured in the same run on the same machine.
#[derive(Clone, Debug)]
pub(crate) struct Baseline {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    /// What it is on the reference machine when nothing else runs (README); `None`: it does not tell how busy the machine is.
    pub(crate) quiet: Option<f64>,
}

/// What one floor gave.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// `None` was not measured; `note` says why.
    pub(crate) value: Option<f64>,
    pub(crate) unit: &'static str,
    pub(crate) goal: Goal,
    /// In the row's unit: what the machine's processors spent, however long it took on the clock.
    pub(crate) cpu: Option<f64>,
    pub(crate) baseline: Option<Baseline>,
    pub(crate) note: String,
}

impl Row {
    pub(crate) fn ratio(&self) -> Option<f64> {
        let baseline = self.baseline.as_ref()?;
        (baseline.value > 0.0).then(|| Some(self.value? / baseline.value))?
    }

    /// A floor holds when the clock says so. On a busy machine the clock says little: then the processors' time must keep the goal,
    /// and the ratio to the baseline of the same run must be one that keeps it on a quiet machine.
    pub(crate) fn holds(&self) -> Option<bool> {
        let value = self.value?;
        let quiet = self.baseline.as_ref().and_then(|baseline| baseline.quiet);
        let by_ratio = |keeps: &dyn Fn(f64, f64) -> bool, goal: f64| match (self.ratio(), quiet) {
            (Some(ratio), Some(quiet)) => keeps(ratio, goal / quiet),
            _ => false,
        };
        Some(match self.goal {
            Goal::AtMost(goal) => {
                let keeps = |is: f64, most: f64| is <= most;
                keeps(value, goal)
                    || (self.cpu.is_none_or(|cpu| cpu <= goal) && by_ratio(&keeps, goal))
            }
            Goal::AtLeast(goal) => {
                let keeps = |is: f64, least: f64| is >= least;
                keeps(value, goal)
                    || (self.cpu.is_none_or(|cpu| cpu >= goal) && by_ratio(&keeps, goal))
            }
            Goal::RatioAtLeast(goal) => self.ratio()? >= goal,
            Goal::RatioAtMost(goal) => self.ratio()? <= goal,
            Goal::Told => return None,
        })
    }

    fn json(&self) -> Json {
        let (goal, wanted) = match self.goal {
            Goal::AtMost(goal) => (Some(goal), Some("at most")),
            Goal::AtLeast(goal) => (Some(goal), Some("at least")),
            Goal::RatioAtLeast(goal) => (Some(goal), Some("ratio at least")),
            Goal::RatioAtMost(goal) => (Some(rounded(goal)), Some("ratio at most")),
            Goal::Told => (None, None),
        };
        json!({
            "name": self.name,
            "value": self.value.map(rounded),
            "unit": self.unit,
            "baseline": self.baseline.as_ref().map(|baseline| json!({
                "name": baseline.name, "value": rounded(baseline.value), "unit": baseline.unit,
                "quiet": baseline.quiet,
            })),
            "ratio": self.ratio().map(rounded),
            "goal": goal,
            "wanted": wanted,
            "cpu": self.cpu.map(rounded),
            "holds": self.holds(),
            "note": self.note,
        })
    }
}

pub(crate) fn write(rows: &[Row], path: &Path) -> anyhow::Result<()> {
    let list: Vec<Json> = rows.iter().map(Row::json).collect();
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, format!("{:#}\n", Json::from(list)))?;
    Ok(())
}

pub(crate) fn table(rows: &[Row]) -> String {
    let head = ["", "value", "goal", "cpu", "baseline", "ratio", "holds"].map(str::to_owned);
    let mut lines = vec![head];
    for row in rows {
        let goal = match row.goal {
            Goal::AtMost(goal) => format!("<= {goal}"),
            Goal::AtLeast(goal) => format!(">= {goal}"),
            Goal::RatioAtLeast(goal) => format!("ratio >= {goal}"),
            Goal::RatioAtMost(goal) => format!("ratio <= {}", short(goal)),
            Goal::Told => "-".into(),
        };
        let figure =
            |value: Option<f64>| value.map_or("-".to_owned(), |value| short(value).to_string());
        lines.push([
            row.name.to_owned(),
            row.value.map_or("NOT MEASURED".into(), |value| {
                format!("{} {}", short(value), row.unit)
            }),
            goal,
            figure(row.cpu),
            row.baseline.as_ref().map_or("-".into(), |baseline| {
                format!(
                    "{}: {} {}",
                    baseline.name,
                    short(baseline.value),
                    baseline.unit
                )
            }),
            figure(row.ratio()),
            match row.holds() {
                Some(true) => "yes".into(),
                Some(false) => "NO".into(),
                None if row.goal == Goal::Told => "-".into(),
                None => "?".into(),
            },
        ]);
    }
    let mut widths = [0; 7];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for line in lines {
        let cells: Vec<String> = line
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    for row in rows.iter().filter(|row| !row.note.is_empty()) {
        let _ = writeln!(text, "  {}: {}", row.name, row.note);
    }
    text
}

/// The value below which `share` of the sorted list lies.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a list of a benchmark is short"
)]
pub(crate) fn percentile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted
        .get((last as f64 * share).round() as usize)
        .copied()
        .unwrap_or(f64::NAN)
}

pub(crate) fn sorted(mut list: Vec<f64>) -> Vec<f64> {
    list.sort_by(f64::total_cmp);
    list
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

fn short(value: f64) -> f64 {
    let digits = if value.abs() >= 100.0 {
        1.0
    } else if value.abs() >= 10.0 {
        10.0
    } else {
        1000.0
    };
    (value * digits).round() / digits
}
