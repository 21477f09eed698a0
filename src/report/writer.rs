//! Writes the files of an experiment: rows of runs as they come in, tables at the end.

use super::columns::columns;
use super::folder::{Folder, FolderError};
use super::{books, cautions::Caution, manifest, rows, schema};
use crate::experiment::{Design, Results, Run, decomposition, pairs, recorded, summary};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::path::Path;

/// The results folder of an experiment under way.
#[derive(Debug)]
pub struct Writer {
    // The files come before the folder: they are closed before it is dropped.
    peers: csv::Writer<File>,
    timeline: csv::Writer<File>,
    /// Only with a token.
    money: Option<Money>,
    /// Only with several torrents or a token.
    torrents: Option<csv::Writer<File>>,
    /// Only where anything has a value.
    welfare: Option<csv::Writer<File>>,
    folder: Folder,
}

/// The files of the economy.
#[derive(Debug)]
struct Money {
    ledger: csv::Writer<File>,
    prices: csv::Writer<File>,
    wallets: csv::Writer<File>,
    /// Only with users who deposit or withdraw through the gateway.
    settlement: Option<csv::Writer<File>>,
}

/// Why results could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A file of rows.
    #[error("{file}: cannot be written")]
    Csv {
        /// Its name.
        file: &'static str,
        /// What went wrong.
        source: csv::Error,
    },
    /// The manifest.
    #[error("manifest.toml: {0}")]
    Manifest(#[from] toml::ser::Error),
}

impl Writer {
    /// Opens the folder and the files that grow during the experiment, before any run: what
    /// cannot be written is known at once.
    ///
    /// # Errors
    /// When the folder or a file cannot be made.
    pub fn create(target: &Path, design: &Design) -> Result<Self, ReportError> {
        let folder = Folder::open(target)?;
        let peers = table::<schema::PeerRow>(&folder, schema::PEERS)?;
        let timeline = table::<schema::TimelineRow>(&folder, schema::TIMELINE)?;
        let money = design.has_token().then(|| Money::create(&folder, design)).transpose()?;
        let listed = design.lists_torrents();
        let torrents = listed.then(|| table::<books::TorrentRow>(&folder, schema::TORRENTS));
        let welfare = design.has_values();
        let welfare = welfare.then(|| table::<books::WelfareRow>(&folder, schema::WELFARE));
        let (torrents, welfare) = (torrents.transpose()?, welfare.transpose()?);
        Ok(Self { peers, timeline, money, torrents, welfare, folder })
    }

    /// Where the results will be.
    pub fn target(&self) -> &Path {
        self.folder.target()
    }

    /// Writes the rows of a run.
    ///
    /// # Errors
    /// When the disk refuses them.
    pub fn take(&mut self, design: &Design, run: &Run) -> Result<(), ReportError> {
        for row in rows::peers(design, run) {
            self.peers.serialize(row).map_err(in_file(schema::PEERS))?;
        }
        for row in rows::timeline(design, run) {
            self.timeline.serialize(row).map_err(in_file(schema::TIMELINE))?;
        }
        if let Some(torrents) = &mut self.torrents {
            for row in books::torrents(design, run) {
                torrents.serialize(row).map_err(in_file(schema::TORRENTS))?;
            }
        }
        if let Some(welfare) = &mut self.welfare {
            for row in books::welfare(design, run) {
                welfare.serialize(row).map_err(in_file(schema::WELFARE))?;
            }
        }
        self.money.as_mut().map_or(Ok(()), |money| money.take(design, run))
    }

    /// Writes the tables and the manifest, and hands over the folder, complete but for figures.
    ///
    /// # Errors
    /// When the disk refuses them.
    pub fn finish(
        mut self,
        results: &Results,
        cautions: &[Caution],
    ) -> Result<Folder, ReportError> {
        let design = &results.design;
        self.peers.flush().map_err(|e| in_file(schema::PEERS)(e.into()))?;
        self.timeline.flush().map_err(|e| in_file(schema::TIMELINE)(e.into()))?;
        self.money.as_mut().map_or(Ok(()), Money::flush)?;
        if let Some(torrents) = &mut self.torrents {
            torrents.flush().map_err(|e| in_file(schema::TORRENTS)(e.into()))?;
        }
        if let Some(welfare) = &mut self.welfare {
            welfare.flush().map_err(|e| in_file(schema::WELFARE)(e.into()))?;
        }
        let folder = self.folder;
        let summaries = summary::summarise(results);
        let rows = summaries.iter().map(|row| rows::summary(design, row));
        write_all(&folder, schema::SUMMARY, rows)?;
        let comparisons = pairs::compare(results);
        let rows = comparisons.iter().map(|row| rows::comparison(design, row));
        write_all(&folder, schema::COMPARISON, rows)?;
        if design.is_about_money() {
            let found = decomposition::decompose(results);
            let rows = found.iter().flat_map(|found| books::decomposition(design, found));
            write_all(&folder, schema::DECOMPOSITION, rows)?;
        }
        if !design.recorded.is_empty() {
            let beside = recorded::compare(results);
            let rows = beside.iter().flat_map(|row| rows::recorded(design, row));
            write_all(&folder, schema::RECORDED, rows)?;
            let rows = design.recorded.iter().map(rows::recorded_download);
            write_all(&folder, schema::RECORDED_DOWNLOADS, rows)?;
        }
        let text = manifest::text(results, cautions)?;
        let path = folder.path().join(schema::MANIFEST);
        std::fs::write(&path, text).map_err(|source| FolderError::Io {
            action: "write",
            path,
            source,
        })?;
        Ok(folder)
    }
}

impl Money {
    fn create(folder: &Folder, design: &Design) -> Result<Self, ReportError> {
        let crosses = design.has_crossings();
        let settlement = crosses.then(|| table::<books::SettlementRow>(folder, schema::SETTLEMENT));
        Ok(Self {
            ledger: table::<books::LedgerRow>(folder, schema::LEDGER)?,
            prices: table::<books::PriceRow>(folder, schema::PRICES)?,
            wallets: table::<books::WalletRow>(folder, schema::WALLETS)?,
            settlement: settlement.transpose()?,
        })
    }

    fn take(&mut self, design: &Design, run: &Run) -> Result<(), ReportError> {
        for row in books::ledger(design, run) {
            self.ledger.serialize(row).map_err(in_file(schema::LEDGER))?;
        }
        for row in books::prices(design, run) {
            self.prices.serialize(row).map_err(in_file(schema::PRICES))?;
        }
        for row in books::wallets(design, run) {
            self.wallets.serialize(row).map_err(in_file(schema::WALLETS))?;
        }
        if let Some(settlement) = &mut self.settlement {
            for row in books::settlement(design, run) {
                settlement.serialize(row).map_err(in_file(schema::SETTLEMENT))?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ReportError> {
        self.ledger.flush().map_err(|e| in_file(schema::LEDGER)(e.into()))?;
        self.prices.flush().map_err(|e| in_file(schema::PRICES)(e.into()))?;
        self.wallets.flush().map_err(|e| in_file(schema::WALLETS)(e.into()))?;
        self.settlement.as_mut().map_or(Ok(()), |settlement| {
            settlement.flush().map_err(|e| in_file(schema::SETTLEMENT)(e.into()))
        })
    }
}

fn in_file(file: &'static str) -> impl FnOnce(csv::Error) -> ReportError {
    move |source| ReportError::Csv { file, source }
}

/// A new file with the header of its rows.
fn table<Row>(folder: &Folder, file: &'static str) -> Result<csv::Writer<File>, ReportError>
where
    Row: for<'de> Deserialize<'de>,
{
    // The header is written here and not from the first row: a file without rows has one too.
    let mut builder = csv::WriterBuilder::new();
    let builder = builder.has_headers(false).buffer_capacity(1 << 16);
    let mut table = builder.from_path(folder.path().join(file)).map_err(in_file(file))?;
    table.write_record(columns::<Row>()).map_err(in_file(file))?;
    Ok(table)
}

pub(super) fn write_all<Row>(
    folder: &Folder,
    file: &'static str,
    rows: impl Iterator<Item = Row>,
) -> Result<(), ReportError>
where
    Row: Serialize + for<'de> Deserialize<'de>,
{
    let mut table = table::<Row>(folder, file)?;
    for row in rows {
        table.serialize(row).map_err(in_file(file))?;
    }
    table.flush().map_err(|e| in_file(file)(e.into()))
}
