//! What do all calls share? The reception, who is handed over, hours, throttles and measures.
//!
//! Never speaks: the transports do.

use std::ops::Deref;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

use crate::desk::{
    CallBacks, DeskError, HandOff, HandOffs, Language, Reception, Secrets, Spoken, Store,
    Telephone, Throttle, WrapUp, WrapUps,
};
use crate::{Catalog, ClaimState, Clock, Engine};

use super::call::Call;
use super::clerk::Clerk;
use super::listing::{Listing, Zips};
use super::measure::Measures;
use super::settings::{Hours, Phone, PhoneError};

/// The telephone exchange: cheap to clone, one for all calls.
#[derive(Clone, Debug)]
pub struct Exchange(Arc<Inner>);

/// What it is made of.
#[derive(Debug)]
pub struct Inner {
    /// People and places.
    pub reception: Arc<Reception>,
    /// Counts of tries.
    pub throttle: Arc<Throttle>,
    /// Calls on their way to an operator.
    pub hand_offs: HandOffs,
    /// Who is to be called back.
    pub call_backs: CallBacks,
    /// In which language numbers want to be spoken to.
    pub spoken: Spoken,
    /// What became of calls that operators took.
    pub wrap_ups: WrapUps,
    /// How calls fare.
    pub measures: Arc<Measures>,
    /// The settings.
    pub settings: Phone,
    pub(super) hours: Hours,
    zips: Arc<Zips>,
    listed: Mutex<Option<(Arc<Catalog>, Arc<Listing>)>>,
}

impl Deref for Exchange {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Exchange {
    /// On a reception; the store and the secrets are the reception's.
    ///
    /// # Errors
    /// The first thing that is wrong with the settings.
    pub fn new(
        reception: Arc<Reception>,
        store: Arc<Store>,
        secrets: Secrets,
        throttle: Arc<Throttle>,
        settings: Phone,
    ) -> Result<Self, PhoneError> {
        if let Some(fault) = settings.faults().into_iter().next() {
            return Err(fault);
        }
        let hours = Hours::new(&settings.hours, &settings.holidays).unwrap_or_default();
        Ok(Self(Arc::new(Inner {
            reception,
            throttle,
            hand_offs: HandOffs::waiting(),
            call_backs: CallBacks::new(Arc::clone(&store), secrets.clone()),
            spoken: Spoken::new(Arc::clone(&store), secrets),
            wrap_ups: WrapUps::new(store),
            measures: Arc::default(),
            settings,
            hours,
            zips: Arc::new(Zips::built_in()),
            listed: Mutex::new(None),
        })))
    }

    /// A call with this name of its own (which no other call ever has) from this number. The
    /// language is the one that the number chose last, if it ever did.
    pub fn call(&self, name: &str, from: Option<&Telephone>, language: Language) -> Call {
        let chosen = from.and_then(|from| self.spoken.of(from, self.engine().now()).ok().flatten());
        let language = chosen.unwrap_or(language);
        let clerk = Arc::new(Clerk::new(self.clone(), name, from));
        let clock = Arc::new(EngineClock(self.engine().clone()));
        Call::new(self.listing(), language, clerk, clock, Arc::clone(&self.measures))
    }

    /// The caller of a call that was handed over is gone: what was held goes back at once, unless
    /// an operator has taken it over.
    pub async fn give_back(&self, hand_off: &HandOff) {
        let Some(hold) = hand_off.held else { return };
        let Ok(claim) = self.engine().claim(hold).await else { return };
        if claim.state == ClaimState::Held && claim.actor == HandOff::QUEUE {
            // If it ended by itself meanwhile, nothing is left to do.
            let _ = self.engine().release(hold).await;
        }
    }

    /// Counts how a call with an operator ended.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub async fn wrap_up(&self, code: WrapUp) -> Result<(), DeskError> {
        self.wrap_ups.count(code, self.engine().now()).await?;
        self.measures.wrapped_up(code);
        Ok(())
    }

    /// Forgets what is old. Run it now and then.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub async fn sweep(&self) -> Result<(), DeskError> {
        let now = self.engine().now();
        self.call_backs.sweep(now).await?;
        self.spoken.sweep(now).await?;
        self.wrap_ups.sweep(now).await?;
        Ok(())
    }

    pub(super) fn engine(&self) -> &Arc<Engine> {
        &self.reception.engine
    }

    /// The catalog in force as it is spoken of.
    pub fn listing(&self) -> Arc<Listing> {
        let Some(catalog) = self.engine().catalog() else { return Arc::default() };
        let mut listed = self.listed.lock();
        if let Some((of, listing)) = &*listed
            && Arc::ptr_eq(of, &catalog)
        {
            return Arc::clone(listing);
        }
        let listing = Arc::new(Listing::new(&catalog, Arc::clone(&self.zips)));
        *listed = Some((catalog, Arc::clone(&listing)));
        listing
    }
}

/// The engine's time.
#[derive(Debug)]
struct EngineClock(Arc<Engine>);

impl Clock for EngineClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }
}
