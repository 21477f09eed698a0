//! The names of the numbers a run is reduced to, their units, and who has them.
//!
//! Definitions for readers are in docs/results.md; the names here are the names there.

use super::grid::ArmDesign;

/// Whom a number is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Scope {
    /// Leechers: `all` and classes of leechers.
    Leechers,
    /// All peers: every class.
    Peers,
    /// The swarm as a whole.
    Swarm,
    /// All swarms together, where there are several.
    Shelf,
    /// The swarm, where some leechers upload and some do not.
    Riders,
    /// The economy as a whole, where there is a token.
    Token,
    /// Users with a wallet, where there is a token.
    Traders,
    /// Leechers whose users may pay, where there is a token.
    Buyers,
    /// Users with more than one identity, where there is a token.
    Sybils,
    /// Users, where something has a value.
    Users,
    /// All peers, where something has a value.
    Offers,
    /// Leechers, where waiting has a value.
    Waiting,
}

macro_rules! metrics {
    ($($name:ident $text:literal $unit:literal $scope:ident;)*) => {
        /// A number each run has.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        #[expect(missing_docs, reason = "docs/results.md defines each under its name")]
        pub enum Metric {
            $($name,)*
        }

        impl Metric {
            /// All, in the order of the files.
            pub const ALL: [Self; [$($text),*].len()] = [$(Self::$name),*];

            /// As written in files.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Its unit as written in files.
            pub fn unit(self) -> &'static str {
                match self { $(Self::$name => $unit,)* }
            }

            fn scope(self) -> Scope {
                match self { $(Self::$name => Scope::$scope,)* }
            }
        }
    };
}

metrics! {
    Leechers "leechers" "peers" Leechers;
    Completed "completed" "peers" Leechers;
    UnfinishedShare "unfinished_share" "share" Leechers;
    DownloadTimeMean "download_time_mean" "s" Leechers;
    DownloadTimeMedian "download_time_median" "s" Leechers;
    DownloadTimeP95 "download_time_p95" "s" Leechers;
    SlowdownMean "slowdown_mean" "ratio" Leechers;
    Makespan "makespan" "s" Leechers;
    LastCompletion "last_completion" "s" Leechers;
    FourthPieceTimeMean "fourth_piece_time_mean" "s" Leechers;
    UnchokedShareMean "unchoked_share_mean" "share" Leechers;
    WastedShare "wasted_share" "share" Leechers;
    RatioAtCompletionMean "ratio_at_completion_mean" "ratio" Leechers;
    RatioFinalMean "ratio_final_mean" "ratio" Leechers;
    JainOfRatios "jain_of_ratios" "index" Leechers;
    GiniOfUploads "gini_of_uploads" "index" Leechers;
    DownloadedTotal "downloaded_total" "bytes" Leechers;
    UploadedTotal "uploaded_total" "bytes" Peers;
    SeedHours "seed_hours" "h" Peers;
    SeedHoursPerCompletion "seed_hours_per_completion" "h" Leechers;
    SeedHoursOffered "seed_hours_offered" "h" Offers;
    SeedUploadOffered "seed_upload_offered" "bytes" Offers;
    PaidByteShare "paid_byte_share" "share" Buyers;
    SpentMean "spent_mean" "BTT" Traders;
    EarnedMean "earned_mean" "BTT" Traders;
    BalanceFinalMean "balance_final_mean" "BTT" Traders;
    GiniOfBalances "gini_of_balances" "index" Traders;
    GiniOfIncome "gini_of_income" "index" Traders;
    UnpaidBytesMean "unpaid_bytes_mean" "bytes" Traders;
    SybilBreakEven "sybil_break_even" "USD" Sybils;
    SybilGainMean "sybil_gain_mean" "USD" Sybils;
    WelfareMean "welfare_mean" "USD" Users;
    DeadWeightLoss "dead_weight_loss" "USD" Waiting;
    UploadUtilisation "upload_utilisation" "share" Swarm;
    UploadOfferedTotal "upload_offered_total" "bytes" Swarm;
    AvailabilityMin "availability_min" "copies" Swarm;
    AvailabilityHalfLife "availability_half_life" "s" Swarm;
    SeedlessShare "seedless_share" "share" Swarm;
    SeedlessBrokenShare "seedless_broken_share" "share" Swarm;
    FirstCopyTime "first_copy_time" "s" Swarm;
    MemoryCorrelation "memory_correlation" "index" Shelf;
    FreeRiderAdvantage "free_rider_advantage" "ratio" Riders;
    Traders "traders" "users" Token;
    PriceMean "price_mean" "BTT/GiB" Traders;
    VelocityPerDay "velocity_per_day" "1/day" Traders;
    MoneyStockMean "money_stock_mean" "BTT" Traders;
    PaidTotal "paid_total" "BTT" Traders;
    SoldTotal "sold_total" "GiB" Traders;
    Payments "payments" "payments" Traders;
    FailedNoMoney "payments_failed_no_money" "payments" Traders;
    NoBidder "sales_failed_no_bidder" "rounds" Traders;
    NoContent "sales_failed_no_content" "rounds" Traders;
    FailedWaiting "payments_failed_waiting" "payments" Traders;
    FailedLost "payments_failed_lost" "payments" Traders;
    FailedRefused "payments_failed_refused" "payments" Traders;
    Strikes "turned_away" "times" Traders;
    UnpaidTotal "unpaid_total" "BTT" Traders;
    UnpaidByteShare "unpaid_byte_share" "share" Traders;
    UnpaidBytesMost "unpaid_bytes_most" "bytes" Token;
    DroppedAfterPay "dropped_after_pay" "times" Traders;
    HeldBlocks "blocks_held_up" "blocks" Token;
    BidsPosted "bids_posted" "bids" Traders;
    LedgerOperationsPerGib "ledger_operations_per_gib" "1/GiB" Traders;
    LedgerDelayedShare "ledger_delayed_share" "share" Token;
    LedgerWaitLongest "ledger_wait_longest" "s" Token;
    LedgerQueueLongest "ledger_queue_longest" "operations" Token;
    PaidStayHours "paid_stay_hours" "h" Token;
    Deposits "deposits" "deposits" Token;
    DepositsBlocked "deposits_blocked" "deposits" Token;
    DepositsWaiting "deposits_waiting" "deposits" Token;
    DepositTimeMean "deposit_time_mean" "s" Token;
    ChainFees "chain_fees" "TRX" Traders;
    LedgerOperations "ledger_operations" "operations" Traders;
    Withdrawals "withdrawals" "withdrawals" Token;
    WithdrawalTimeMean "withdrawal_time_mean" "s" Token;
    WithdrawalsBlocked "withdrawals_blocked" "withdrawals" Token;
    BlockedMinimum "withdrawals_blocked_minimum" "withdrawals" Token;
    BlockedBalance "withdrawals_blocked_balance" "withdrawals" Token;
    BlockedDailyCap "withdrawals_blocked_daily_cap" "withdrawals" Token;
    BlockedGatewayEmpty "withdrawals_blocked_gateway_empty" "withdrawals" Token;
}

/// Which users of a class.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// All of them.
    All,
    /// Those with the token's client, whatever the economy.
    Adopters,
    /// Those without it.
    Others,
}

/// The peers a number is about: of a class, or of one side of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    /// Position of the class in the arm; `None` is the class `all`.
    pub class: Option<usize>,
    /// Which of its users.
    pub side: Side,
}

impl Part {
    /// All peers of all classes.
    pub const WHOLE: Self = Self { class: None, side: Side::All };

    /// Whether somebody of this class and client is meant.
    pub fn has(self, class: usize, is_adopter: bool) -> bool {
        let side = match self.side {
            Side::All => true,
            Side::Adopters => is_adopter,
            Side::Others => !is_adopter,
        };
        side && self.class.is_none_or(|index| index == class)
    }
}

/// A metric of a part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key {
    /// Whose.
    pub part: Part,
    /// Which number.
    pub metric: Metric,
}

impl Metric {
    /// Whether the part has this number.
    pub fn applies(self, arm: &ArmDesign, part: Part) -> bool {
        let is_whole = part == Part::WHOLE;
        let classes = || match part.class {
            Some(index) => &arm.classes[index..=index],
            None => &arm.classes[..],
        };
        let leeches = part.class.is_none_or(|index| !arm.classes[index].is_origin);
        let trades = arm.has_token
            && part.side != Side::Others
            && classes().iter().any(|class| class.has_adopters);
        match self.scope() {
            Scope::Leechers => leeches,
            Scope::Peers => true,
            Scope::Swarm => is_whole,
            Scope::Shelf => is_whole && arm.n_torrents > 1,
            Scope::Riders => is_whole && arm.has_free_riders(),
            Scope::Token => is_whole && arm.has_token,
            Scope::Traders => trades,
            Scope::Buyers => trades && leeches,
            Scope::Sybils => trades && classes().iter().any(|class| class.identities > 1),
            Scope::Users | Scope::Offers => arm.has_values,
            Scope::Waiting => leeches && classes().iter().any(|class| class.worth.hour.0 > 0),
        }
    }
}
