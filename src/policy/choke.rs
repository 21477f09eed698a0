//! Whom to serve: the choker plug.

use std::fmt;
use std::sync::Arc;

/// Which choker a leecher runs: plain configuration; memory is made per peer.
#[derive(Clone)]
pub enum ChokerSpec {
    /// Serves those that serve it best (Cohen 2003, §3).
    TitForTat,
    /// Serves whoever waited longest, without regard to what it gave: no incentive.
    EqualTurns,
    /// Never uploads.
    Never,
    /// BitTyrant (Piatek et al., NSDI 2007, §4): by expected return per cost.
    BitTyrant,
    /// PropShare (Levin et al., SIGCOMM 2008): upload in proportion to what was received.
    PropShare,
    /// FairTorrent (Sherman et al., CoNEXT 2009): to whom it owes most.
    FairTorrent,
    /// A choker of the library's user; the factory is called once per peer.
    Custom(Arc<dyn ChokerFactory>),
}

/// Makes one choker per peer.
pub trait ChokerFactory: Send + Sync {
    /// Its name in manifests.
    fn name(&self) -> String;
}

impl fmt::Debug for ChokerSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl ChokerSpec {
    /// As written in scenario files and manifests.
    pub fn name(&self) -> String {
        match self {
            Self::TitForTat => "tit-for-tat".into(),
            Self::EqualTurns => "equal-turns".into(),
            Self::Never => "never".into(),
            Self::BitTyrant => "bittyrant".into(),
            Self::PropShare => "propshare".into(),
            Self::FairTorrent => "fairtorrent".into(),
            Self::Custom(factory) => factory.name(),
        }
    }
}
