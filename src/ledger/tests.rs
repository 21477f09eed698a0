//! Laws of money over random sequences of operations, against books kept by hand.

use super::*;
use crate::ids::AccountId;
use crate::units::{MicroBtt, SimTime};
use proptest::prelude::*;

const N_USERS: usize = 5;

/// Something a user, the operator or the network does. Numbers are taken modulo what there is.
#[derive(Clone, Debug)]
enum Act {
    Gift {
        to: usize,
        ubtt: u64,
    },
    Sweep {
        from: usize,
        to: usize,
        ubtt: u64,
    },
    Burn {
        from: usize,
        ubtt: u64,
    },
    Open {
        payer: usize,
        payee: usize,
        ubtt: u64,
    },
    Sign {
        channel: usize,
        ubtt: u64,
    },
    /// Delivers the signature that was made so many ago, if there are so many.
    Deliver {
        back: usize,
    },
    Pay {
        channel: usize,
        ubtt: u64,
    },
    Close {
        channel: usize,
    },
    Settle {
        channel: usize,
    },
    Release {
        channel: usize,
        rest: Rest,
    },
}

fn act() -> impl Strategy<Value = Act> {
    let user = 0..N_USERS;
    let (some, ubtt) = (0_usize..1000, 0_u64..60);
    let rest = prop_oneof![Just(Rest::Refund), Just(Rest::Forfeit)];
    prop_oneof![
        2 => (user.clone(), ubtt.clone()).prop_map(|(to, ubtt)| Act::Gift { to, ubtt }),
        1 => (user.clone(), user.clone(), ubtt.clone())
            .prop_map(|(from, to, ubtt)| Act::Sweep { from, to, ubtt }),
        1 => (user.clone(), ubtt.clone()).prop_map(|(from, ubtt)| Act::Burn { from, ubtt }),
        3 => (user.clone(), user, ubtt.clone())
            .prop_map(|(payer, payee, ubtt)| Act::Open { payer, payee, ubtt }),
        4 => (some.clone(), ubtt.clone()).prop_map(|(channel, ubtt)| Act::Sign { channel, ubtt }),
        4 => (0_usize..6).prop_map(|back| Act::Deliver { back }),
        4 => (some.clone(), ubtt).prop_map(|(channel, ubtt)| Act::Pay { channel, ubtt }),
        1 => some.clone().prop_map(|channel| Act::Close { channel }),
        1 => some.clone().prop_map(|channel| Act::Settle { channel }),
        1 => (some, rest).prop_map(|(channel, rest)| Act::Release { channel, rest }),
    ]
}

/// A channel in the books kept by hand. Never reused.
#[derive(Clone, Debug)]
struct Line {
    id: ChannelId,
    payer: usize,
    payee: usize,
    funds: u64,
    signed: u64,
    paid: u64,
    settled: bool,
    ended: bool,
}

/// The ledger and, beside it, books that are as plain as can be.
struct Books {
    ledger: Ledger,
    users: Vec<AccountId>,
    wallets: Vec<u64>,
    promo: u64,
    operator: u64,
    burnt: u64,
    lines: Vec<Line>,
    sent: Vec<(usize, u64)>,
    at: SimTime,
}

impl Books {
    fn new() -> Self {
        let supply = Supply { promo: MicroBtt(500), ..Supply::default() };
        let mut ledger = Ledger::with_journal(supply).expect("fits");
        let users = (0..N_USERS).map(|_| ledger.open_account(Kind::Wallet)).collect();
        let (wallets, lines, sent) = (vec![0; N_USERS], Vec::new(), Vec::new());
        let at = SimTime::ZERO;
        let (promo, operator, burnt) = (500, 0, 0);
        Self { ledger, users, wallets, promo, operator, burnt, lines, sent, at }
    }

    fn line(&self, channel: usize) -> Option<usize> {
        channel.checked_rem(self.lines.len())
    }

    fn step(&mut self, act: Act) {
        self.at = SimTime(self.at.0 + 1);
        match act {
            Act::Gift { .. } | Act::Sweep { .. } | Act::Burn { .. } => self.transfer(act),
            Act::Open { payer, payee, ubtt } => self.open(payer, payee, ubtt),
            Act::Sign { channel, ubtt } => {
                let Some(at) = self.line(channel) else { return };
                if let Some(sum) = self.sign(at, ubtt) {
                    self.sent.push((at, sum));
                }
            }
            Act::Deliver { back } => {
                if let Some(position) = self.sent.len().checked_sub(back + 1) {
                    let (at, sum) = self.sent[position];
                    self.deliver(at, sum);
                }
            }
            Act::Pay { channel, ubtt } => {
                let Some(at) = self.line(channel) else { return };
                let before = self.lines[at].clone();
                let fits = before.signed + ubtt <= before.funds;
                let takes = !before.settled && !before.ended;
                let paid = self.ledger.pay(self.at, before.id, MicroBtt(ubtt));
                let left = || MicroBtt(before.funds - before.signed - ubtt);
                assert_eq!(paid.ok(), (fits && takes).then(left));
                if paid.is_ok() {
                    self.lines[at].signed += ubtt;
                    self.lines[at].paid = self.lines[at].signed;
                }
            }
            Act::Close { .. } | Act::Settle { .. } | Act::Release { .. } => self.end(act),
        }
    }

    fn transfer(&mut self, act: Act) {
        let (movement, from, to, ubtt) = match act {
            Act::Gift { to, ubtt } => (Movement::Gift, Ledger::PROMO, self.users[to], ubtt),
            Act::Sweep { from, to, ubtt } => {
                let to = if from == to { (to + 1) % N_USERS } else { to };
                (Movement::Sweep, self.users[from], self.users[to], ubtt)
            }
            Act::Burn { from, ubtt } => (Movement::Burn, self.users[from], Ledger::BURN, ubtt),
            _ => unreachable!("other acts are no transfers"),
        };
        let enough = *self.own(from) >= ubtt;
        let done = self.ledger.transfer(self.at, movement, from, to, MicroBtt(ubtt));
        assert_eq!(done.is_ok(), enough, "{movement:?}");
        if enough {
            *self.own(from) -= ubtt;
            *self.own(to) += ubtt;
        }
    }

    /// The balance in the own books.
    fn own(&mut self, account: AccountId) -> &mut u64 {
        match account {
            Ledger::PROMO => &mut self.promo,
            Ledger::OPERATOR => &mut self.operator,
            Ledger::BURN => &mut self.burnt,
            user => &mut self.wallets[user.index() - self.users[0].index()],
        }
    }

    fn open(&mut self, payer: usize, payee: usize, funds: u64) {
        let (a, b) = (self.users[payer], self.users[payee]);
        let opened = self.ledger.open_channel(self.at, a, b, MicroBtt(funds), self.at);
        assert_eq!(opened.is_ok(), self.wallets[payer] >= funds);
        if let Ok(id) = opened {
            self.wallets[payer] -= funds;
            let (signed, paid, settled, ended) = (0, 0, false, false);
            self.lines.push(Line { id, payer, payee, funds, signed, paid, settled, ended });
        }
    }

    fn sign(&mut self, at: usize, ubtt: u64) -> Option<u64> {
        let line = &mut self.lines[at];
        let signed = self.ledger.sign(line.id, MicroBtt(ubtt));
        let takes = !line.settled && !line.ended;
        assert_eq!(signed.is_ok(), takes && line.signed + ubtt <= line.funds);
        let sum = signed.ok()?.0;
        line.signed += ubtt;
        assert_eq!(sum, line.signed, "a signature is for the sum");
        Some(sum)
    }

    fn deliver(&mut self, at: usize, sum: u64) {
        let line = &mut self.lines[at];
        let claimed = self.ledger.claim(self.at, line.id, MicroBtt(sum));
        if line.settled || line.ended {
            assert_eq!(claimed, Err(Refused::Closed), "a stale name is known");
            return;
        }
        let before = line.paid;
        line.paid = before.max(sum);
        assert_eq!(claimed, Ok(MicroBtt(line.paid - before)));
    }

    fn end(&mut self, act: Act) {
        let (Act::Close { channel } | Act::Settle { channel } | Act::Release { channel, .. }) = act
        else {
            unreachable!("other acts end no channel");
        };
        let Some(at) = self.line(channel) else { return };
        let line = self.lines[at].clone();
        let (settles, releases) = match act {
            Act::Close { .. } => (true, true),
            Act::Settle { .. } => (true, false),
            _ => (false, true),
        };
        let done = match act {
            Act::Close { .. } => self.ledger.close(self.at, line.id),
            Act::Settle { .. } => self.ledger.settle(self.at, line.id),
            Act::Release { rest, .. } => self.ledger.release(self.at, line.id, rest),
            _ => unreachable!("handled above"),
        };
        assert_eq!(done.is_ok(), !line.ended && settles != line.settled);
        if done.is_err() {
            return;
        }
        assert_eq!(done, Ok(MicroBtt(line.funds - line.paid)));
        if settles {
            self.wallets[line.payee] += line.paid;
            self.lines[at].settled = true;
        }
        if releases {
            self.lines[at].ended = true;
            match act {
                Act::Release { rest: Rest::Forfeit, .. } => self.operator += line.funds - line.paid,
                _ => self.wallets[line.payer] += line.funds - line.paid,
            }
        }
    }

    fn check(&self) {
        self.ledger.audit();
        assert_eq!(self.ledger.total(), 500);
        for (user, own) in self.users.iter().zip(&self.wallets) {
            assert_eq!(self.ledger.balance(*user).0, *own, "{user:?}");
        }
        let house = [Ledger::PROMO, Ledger::OPERATOR, Ledger::BURN];
        let own = [self.promo, self.operator, self.burnt];
        assert_eq!(house.map(|account| self.ledger.balance(account).0), own);
        let open = self.lines.iter().filter(|line| !line.ended);
        assert_eq!(self.ledger.n_channels(), open.clone().count());
        for line in open {
            let channel = self.ledger.channel(line.id).expect("open");
            let row = [channel.funds, channel.signed, channel.paid].map(|amount| amount.0);
            assert_eq!(row, [line.funds, line.signed, line.paid]);
        }
    }
}

/// The balances that the journal alone leads to.
fn replay(ledger: &Ledger) -> Vec<i128> {
    let mut balances = vec![0_i128; ledger.n_accounts()];
    for entry in ledger.journal() {
        if entry.movement != Movement::Mint {
            balances[entry.from.index()] -= i128::from(entry.amount.0);
        }
        balances[entry.to.index()] += i128::from(entry.amount.0);
        assert!(balances.iter().all(|balance| *balance >= 0), "below nothing after {entry:?}");
    }
    balances
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_sequence_of_acts_keeps_the_books(acts in prop::collection::vec(act(), 1..120)) {
        let mut books = Books::new();
        for act in acts {
            books.step(act);
            books.check();
        }
        let balances = replay(&books.ledger);
        for (at, balance) in balances.into_iter().enumerate() {
            let account = AccountId::from_index(at);
            prop_assert_eq!(balance, i128::from(books.ledger.balance(account).0));
        }
        let moved = books.ledger.take_movements();
        for &movement in Movement::ALL {
            let entries = books.ledger.journal().iter().filter(|entry| entry.movement == movement);
            let sums = entries.fold((0, 0), |(n, sum), e| (n + 1, sum + u128::from(e.amount.0)));
            prop_assert_eq!((moved.of(movement).count, moved.of(movement).ubtt), sums);
        }
    }
}

/// What happens at a gateway, after so many seconds.
#[derive(Clone, Debug)]
enum Crossing {
    Out { user: usize, btt: u64 },
    In { user: usize, btt: u64 },
    Refill { btt: u64 },
}

fn crossing() -> impl Strategy<Value = (u64, Crossing)> {
    let (user, btt) = (0..N_USERS, 0_u64..3000);
    let what = prop_oneof![
        4 => (user.clone(), btt.clone()).prop_map(|(user, btt)| Crossing::Out { user, btt }),
        4 => (user, btt.clone()).prop_map(|(user, btt)| Crossing::In { user, btt }),
        1 => btt.prop_map(|btt| Crossing::Refill { btt }),
    ];
    (prop_oneof![3 => 0_u64..40, 1 => 0_u64..50_000], what)
}

proptest! {
    #[test]
    fn whatever_crosses_the_gateway_is_there_on_both_sides(
        crossings in prop::collection::vec(crossing(), 1..80),
    ) {
        let btt = |n: u64| MicroBtt(n * MicroBtt::BTT.0);
        let [promo, operator, gateway, outside] = [5_000, 2_000, 4_000, 30_000].map(btt);
        let supply = Supply { promo, operator, gateway, outside };
        let mut ledger = Ledger::with_journal(supply).expect("fits");
        let cap = btt(6_000);
        let mut gate = Gateway::new(GatewayRules { daily_cap: cap, ..GatewayRules::default() });
        let mut at = SimTime::ZERO;
        let open = |_| ledger.open_account(Kind::Wallet);
        let users: Vec<AccountId> = (0..N_USERS).map(open).collect();
        for &user in &users {
            ledger.transfer(at, Movement::Gift, Ledger::PROMO, user, btt(1_000)).expect("enough");
        }
        let mut paid_by_day = std::collections::BTreeMap::<u64, u64>::new();
        for (seconds, crossing) in crossings {
            at = SimTime(at.0 + seconds * 1_000_000_000);
            gate.credit(at, &mut ledger);
            let poor = ledger.balance(Ledger::OPERATOR) < btt(3_000);
            prop_assert!(gate.next_credit().is_none_or(|due| due > at || poor), "not in limbo");
            let order = |user: usize, n| Order { account: users[user], amount: btt(n), wanted: at };
            match crossing {
                Crossing::Out { user, btt: n } => {
                    let sent = gate.request_withdrawal(at, &mut ledger, order(user, n));
                    if let Ok(sent) = sent {
                        prop_assert!(n >= 1_000 && sent.final_at > at);
                        *paid_by_day.entry(at.0 / DAY.0).or_default() += n;
                    }
                }
                Crossing::In { user, btt: n } => {
                    let sent = gate.request_deposit(at, &mut ledger, order(user, n));
                    prop_assert!(sent.is_err() || n >= 10);
                }
                Crossing::Refill { btt: n } => {
                    let (from, to) = (Ledger::OUTSIDE, Ledger::GATEWAY);
                    let _ = ledger.transfer(at, Movement::Refill, from, to, btt(n));
                }
            }
            ledger.audit();
        }
        prop_assert!(paid_by_day.values().all(|&paid| btt(paid) <= cap));
        let moved = ledger.take_movements();
        prop_assert_eq!(moved.of(Movement::Withdraw), moved.of(Movement::PayOut));
        prop_assert_eq!(moved.of(Movement::Withdraw), gate.withdrawals().done);
        prop_assert_eq!(moved.of(Movement::Deposit), gate.deposits().done);
        let waiting = moved.of(Movement::PayIn).count - moved.of(Movement::Deposit).count;
        prop_assert_eq!(waiting, gate.n_waiting() as u64);
        replay(&ledger);
    }
}
