//! Result files as the figures need them: only the columns used, missing values as `None`.
//!
//! Law: a file that cannot be understood is an error that names the file, the line and the column.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use super::PlotError;

/// A CSV file with named columns.
pub(super) struct Sheet {
    file: String,
    reader: csv::Reader<File>,
    header: csv::StringRecord,
}

impl Sheet {
    pub(super) fn open(folder: &Path, name: &str) -> Result<Self, PlotError> {
        let source = |source| PlotError::Read { file: name.to_owned(), source };
        let file = File::open(folder.join(name)).map_err(source)?;
        let mut reader = csv::Reader::from_reader(file);
        let csv_fault = |source| PlotError::Csv { file: name.to_owned(), source };
        let header = reader.headers().map_err(csv_fault)?.clone();
        Ok(Self { file: name.to_owned(), reader, header })
    }

    /// Where each of `names` stands.
    pub(super) fn columns<const N: usize>(
        &self,
        names: [&str; N],
    ) -> Result<[Column; N], PlotError> {
        let mut columns = [Column { at: 0 }; N];
        for (column, name) in columns.iter_mut().zip(names) {
            let at = self.header.iter().position(|title| title == name);
            column.at = at.ok_or_else(|| PlotError::MissingColumn {
                file: self.file.clone(),
                column: name.to_owned(),
                found: self.header.iter().collect::<Vec<_>>().join(", "),
            })?;
        }
        Ok(columns)
    }

    /// Whether there is a column of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.header.iter().any(|title| title == name)
    }

    /// The next row, if there is one.
    pub(super) fn next(&mut self, row: &mut csv::StringRecord) -> Result<bool, PlotError> {
        let fault = |source| PlotError::Csv { file: self.file.clone(), source };
        self.reader.read_record(row).map_err(fault)
    }

    /// The number in a cell; `None` if it is empty.
    pub(super) fn number(
        &self,
        row: &csv::StringRecord,
        column: Column,
    ) -> Result<Option<f64>, PlotError> {
        let cell = row.get(column.at).unwrap_or_default();
        if cell.is_empty() {
            return Ok(None);
        }
        match cell.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Some(value)),
            _ => Err(PlotError::BadNumber {
                file: self.file.clone(),
                line: row.position().map_or(0, csv::Position::line),
                column: self.header.get(column.at).unwrap_or_default().to_owned(),
                value: cell.to_owned(),
            }),
        }
    }

    /// The number in a cell that may not be empty.
    pub(super) fn needed(&self, row: &csv::StringRecord, column: Column) -> Result<f64, PlotError> {
        self.number(row, column)?.ok_or_else(|| PlotError::BadNumber {
            file: self.file.clone(),
            line: row.position().map_or(0, csv::Position::line),
            column: self.header.get(column.at).unwrap_or_default().to_owned(),
            value: String::new(),
        })
    }
}

/// Position of a column.
#[derive(Clone, Copy)]
pub(super) struct Column {
    at: usize,
}

impl Column {
    pub(super) fn of(self, row: &csv::StringRecord) -> &str {
        row.get(self.at).unwrap_or_default()
    }
}

/// Names in the order of their first appearance, each known by its position.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(pub(super) Vec<String>);

impl Names {
    pub(super) fn id(&mut self, name: &str) -> usize {
        let known = self.0.iter().position(|other| other == name);
        known.unwrap_or_else(|| {
            self.0.push(name.to_owned());
            self.0.len() - 1
        })
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// What the manifest says about the experiment.
#[derive(Clone, Debug, Default)]
pub(super) struct About {
    pub(super) name: String,
    pub(super) question: String,
}

/// A user of a run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct User {
    pub(super) arm: usize,
    pub(super) replicate: u64,
    pub(super) id: u64,
}

/// One peer of one run.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) arm: usize,
    pub(super) class: usize,
    pub(super) replicate: u64,
    pub(super) download_time_s: Option<f64>,
    pub(super) uploaded_bytes: f64,
    pub(super) downloaded_bytes: f64,
    /// Whether its user has the token's client; results of older versions do not say.
    pub(super) is_adopter: Option<bool>,
}

/// Values of the timeline that figures show, in the order of [`MEASURES`].
pub(super) const N_MEASURES: usize = 7;
const MEASURES: [&str; N_MEASURES] = [
    "leechers",
    "seeders",
    "availability",
    "upload_utilisation",
    "completed",
    "seedless",
    "mean_progress",
];

pub(super) const LEECHERS: usize = 0;
pub(super) const SEEDERS: usize = 1;
pub(super) const AVAILABILITY: usize = 2;
pub(super) const UTILISATION: usize = 3;
pub(super) const COMPLETED: usize = 4;
pub(super) const SEEDLESS: usize = 5;
pub(super) const PROGRESS: usize = 6;

/// One row of the timeline.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    pub(super) arm: usize,
    pub(super) replicate: u64,
    pub(super) time_s: f64,
    pub(super) values: [Option<f64>; N_MEASURES],
}

/// One paired difference.
#[derive(Clone, Debug)]
pub(super) struct Difference {
    pub(super) metric: String,
    pub(super) class: String,
    pub(super) baseline: String,
    pub(super) arm: String,
    pub(super) unit: String,
    pub(super) baseline_mean: Option<f64>,
    pub(super) by: Option<f64>,
    pub(super) ci95: Option<(f64, f64)>,
    pub(super) n_pairs: f64,
}

/// One recorded download.
#[derive(Clone, Debug)]
pub(super) struct Recorded {
    pub(super) repetition: String,
    pub(super) class: String,
    pub(super) download_time_s: Option<f64>,
}

/// All that is read from a results folder.
#[derive(Clone, Debug, Default)]
pub(super) struct Results {
    pub(super) about: About,
    pub(super) arms: Names,
    /// Classes that have leechers.
    pub(super) classes: Names,
    /// Leechers only.
    pub(super) leechers: Vec<Peer>,
    /// Bytes uploaded by origin seeders, by arm.
    pub(super) origin_uploaded: Vec<f64>,
    /// Users that came with the content; results of older versions do not say.
    pub(super) origins: BTreeSet<User>,
    pub(super) timeline: Vec<Moment>,
    pub(super) differences: Vec<Difference>,
    pub(super) recorded: Vec<Recorded>,
    /// Mean upload utilisation up to the last completion, by arm.
    pub(super) utilisation: Vec<Option<f64>>,
    /// The files of the economy.
    pub(super) books: super::books::Books,
}

impl Results {
    /// Reads the result files of `folder`; summary, comparison and recordings may be absent.
    pub(super) fn read(folder: &Path) -> Result<Self, PlotError> {
        let mut results = Self { about: read_about(folder)?, ..Self::default() };
        results.read_peers(folder)?;
        results.read_timeline(folder)?;
        results.utilisation = vec![None; results.arms.len()];
        if folder.join("summary.csv").exists() {
            results.read_summary(folder)?;
        }
        if folder.join("comparison.csv").exists() {
            results.read_comparison(folder)?;
        }
        if folder.join("recorded_downloads.csv").exists() {
            results.read_recorded(folder)?;
        }
        results.books =
            super::books::Books::read(folder, &results.arms, &results.timeline, &results.origins)?;
        Ok(results)
    }

    /// Leechers of an arm and class, grouped by replicate.
    pub(super) fn runs_of(&self, arm: usize, class: usize) -> Vec<Vec<&Peer>> {
        let mut runs = std::collections::BTreeMap::<u64, Vec<&Peer>>::new();
        for peer in self.leechers.iter().filter(|p| p.arm == arm && p.class == class) {
            runs.entry(peer.replicate).or_default().push(peer);
        }
        runs.into_values().collect()
    }

    fn read_peers(&mut self, folder: &Path) -> Result<(), PlotError> {
        let mut sheet = Sheet::open(folder, "peers.csv")?;
        let [arm, replicate, class, role, time, up, down] = sheet.columns([
            "arm",
            "replicate",
            "class",
            "role",
            "download_time_s",
            "uploaded_bytes",
            "downloaded_bytes",
        ])?;
        let adopter = sheet.has("adopter").then(|| sheet.columns(["adopter"])).transpose()?;
        let user = sheet.has("user_id").then(|| sheet.columns(["user_id"])).transpose()?;
        let mut row = csv::StringRecord::new();
        while sheet.next(&mut row)? {
            let arm = self.arms.id(arm.of(&row));
            self.origin_uploaded.resize(self.arms.len(), 0.0);
            let replicate = crate::units::floor_u64(sheet.needed(&row, replicate)?);
            let uploaded_bytes = sheet.number(&row, up)?.unwrap_or(0.0);
            if role.of(&row) == "seeder" {
                self.origin_uploaded[arm] += uploaded_bytes;
                if let Some([user]) = user {
                    let id = crate::units::floor_u64(sheet.needed(&row, user)?);
                    self.origins.insert(User { arm, replicate, id });
                }
                continue;
            }
            self.leechers.push(Peer {
                arm,
                class: self.classes.id(class.of(&row)),
                replicate,
                download_time_s: sheet.number(&row, time)?,
                uploaded_bytes,
                downloaded_bytes: sheet.number(&row, down)?.unwrap_or(0.0),
                is_adopter: adopter.map(|[column]| column.of(&row) == "1"),
            });
        }
        Ok(())
    }

    fn read_timeline(&mut self, folder: &Path) -> Result<(), PlotError> {
        let mut sheet = Sheet::open(folder, "timeline.csv")?;
        let [arm, replicate, time] = sheet.columns(["arm", "replicate", "time_s"])?;
        let measures = sheet.columns(MEASURES)?;
        let mut row = csv::StringRecord::new();
        while sheet.next(&mut row)? {
            let mut values = [None; N_MEASURES];
            for (value, column) in values.iter_mut().zip(measures) {
                *value = sheet.number(&row, column)?;
            }
            if values[LEECHERS] == Some(0.0) {
                // The file says 0 where there is no leecher to have made progress.
                values[PROGRESS] = None;
            }
            self.timeline.push(Moment {
                arm: self.arms.id(arm.of(&row)),
                replicate: crate::units::floor_u64(sheet.needed(&row, replicate)?),
                time_s: sheet.needed(&row, time)?,
                values,
            });
        }
        self.origin_uploaded.resize(self.arms.len(), 0.0);
        Ok(())
    }

    fn read_summary(&mut self, folder: &Path) -> Result<(), PlotError> {
        let mut sheet = Sheet::open(folder, "summary.csv")?;
        let [arm, class, metric, mean] = sheet.columns(["arm", "class", "metric", "mean"])?;
        let mut row = csv::StringRecord::new();
        while sheet.next(&mut row)? {
            if class.of(&row) == "all" && metric.of(&row) == "upload_utilisation" {
                let arm = self.arms.0.iter().position(|name| name == arm.of(&row));
                if let Some(arm) = arm {
                    self.utilisation[arm] = sheet.number(&row, mean)?;
                }
            }
        }
        Ok(())
    }

    fn read_comparison(&mut self, folder: &Path) -> Result<(), PlotError> {
        let mut sheet = Sheet::open(folder, "comparison.csv")?;
        if sheet.header.is_empty() {
            return Ok(());
        }
        let words = sheet.columns(["metric", "class", "baseline", "arm", "unit"])?;
        let [mean, difference, low, high, pairs] =
            sheet.columns(["baseline_mean", "difference", "ci95_low", "ci95_high", "n_pairs"])?;
        let mut row = csv::StringRecord::new();
        while sheet.next(&mut row)? {
            let [metric, class, baseline, arm, unit] = words.map(|c| c.of(&row).to_owned());
            self.differences.push(Difference {
                metric,
                class,
                baseline,
                arm,
                unit,
                baseline_mean: sheet.number(&row, mean)?,
                by: sheet.number(&row, difference)?,
                ci95: sheet.number(&row, low)?.zip(sheet.number(&row, high)?),
                n_pairs: sheet.number(&row, pairs)?.unwrap_or(0.0),
            });
        }
        Ok(())
    }

    fn read_recorded(&mut self, folder: &Path) -> Result<(), PlotError> {
        let mut sheet = Sheet::open(folder, "recorded_downloads.csv")?;
        let [repetition, class] = sheet.columns(["repetition", "class"])?;
        let [time] = sheet.columns(["download_time_s"])?;
        let mut row = csv::StringRecord::new();
        while sheet.next(&mut row)? {
            self.recorded.push(Recorded {
                repetition: repetition.of(&row).to_owned(),
                class: class.of(&row).to_owned(),
                download_time_s: sheet.number(&row, time)?,
            });
        }
        Ok(())
    }
}

/// Name and question from the manifest; the folder's name if there is none.
fn read_about(folder: &Path) -> Result<About, PlotError> {
    let stem = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let mut about = About { name: stem.unwrap_or_default(), question: String::new() };
    let file = "manifest.toml".to_owned();
    let text = match std::fs::read_to_string(folder.join(&file)) {
        Ok(text) => text,
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => return Ok(about),
        Err(source) => return Err(PlotError::Read { file, source }),
    };
    let manifest: toml::Table =
        text.parse().map_err(|source| PlotError::Manifest { source: Box::new(source) })?;
    let word = |key: &str| manifest.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    about.name = word("scenario").unwrap_or(about.name);
    about.question = word("question").unwrap_or_default();
    Ok(about)
}
