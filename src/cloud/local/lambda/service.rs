//! The service: all functions, and what is done with them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::error::ApiError;
use super::function::{self, Function};
use super::host::Host;
use super::instance::Outcome;
use super::pool::{self, Pool};
use super::public::Public;

/// The most functions that there can be: each is a file that is read at every start.
const FUNCTIONS_MAX: usize = 100;

/// How often instances without work are looked for.
const REAP_INTERVAL: Duration = Duration::from_millis(500);

/// The service: all functions.
#[derive(Debug)]
pub(crate) struct Lambda {
    pub host: Host,
    pools: Mutex<BTreeMap<String, Arc<Pool>>>,
    /// URLs that are open to all, by the functions' names.
    publics: Mutex<BTreeMap<String, Public>>,
}

impl Lambda {
    /// Opens the service on the functions that `host` has kept.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(crate) fn open(host: Host) -> io::Result<Arc<Self>> {
        // Instances that a killed daemon left died with it; their temporary files did not.
        match std::fs::remove_dir_all(host.paths.instances()) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let functions = Function::load_all(&host.paths.functions())?;
        let pools = functions.into_iter().map(|function| (function.name.clone(), Arc::new(Pool::new(function))));
        let lambda = Arc::new(Self { host, pools: Mutex::new(pools.collect()), publics: Mutex::default() });
        lambda.open_urls()?;
        let reaped = Arc::downgrade(&lambda);
        tokio::spawn(async move {
            let mut interval = tokio::time::interval(REAP_INTERVAL);
            loop {
                interval.tick().await;
                let Some(lambda) = reaped.upgrade() else { break };
                let pools: Vec<_> = lambda.pools().values().cloned().collect();
                pools.iter().for_each(|pool| pool.reap(lambda.host.idle));
            }
        });
        Ok(lambda)
    }

    /// Opens the URLs that were open to all, each where it was if its port is still to be had.
    fn open_urls(&self) -> io::Result<()> {
        let folder = self.host.paths.functions();
        let pools: Vec<_> = self.pools().values().cloned().collect();
        for pool in pools {
            let mut function = pool.function();
            let Some(before) = function.public_port else { continue };
            let port = self.open_url(&function.name, before)?;
            if port != before {
                function.public_port = Some(port);
                function.save(&folder)?;
                pool.replace(function);
            }
        }
        Ok(())
    }

    /// Opens the URL of a function to all, on `port` if that is to be had, and gives the port.
    ///
    /// # Errors
    /// When there is no such function, or no port to be had.
    pub(super) fn open_url(&self, name: &str, port: u16) -> io::Result<u16> {
        let pool = self.pools().get(name).cloned().ok_or(ErrorKind::NotFound)?;
        match self.publics().entry(name.to_owned()) {
            Entry::Occupied(public) => Ok(public.get().port),
            Entry::Vacant(none) => Ok(none.insert(Public::listen(&pool, &self.host, port)?).port),
        }
    }

    /// Closes that URL.
    pub(super) fn silence(&self, name: &str) {
        self.publics().remove(name);
    }

    fn publics(&self) -> MutexGuard<'_, BTreeMap<String, Public>> {
        self.publics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the functions whose files are not there any more.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(crate) fn put_back(&self) -> io::Result<()> {
        let folder = self.host.paths.functions();
        for pool in self.pools().values() {
            let function = pool.function();
            if !function::file(&folder, &function.name).exists() {
                function.save(&folder)?;
            }
        }
        Ok(())
    }

    /// Ends all instances. Functions stay as they are on disk.
    pub(crate) fn close(&self) {
        self.publics().clear();
        self.pools().clear();
    }

    pub(super) fn pool(&self, name: &str) -> Result<Arc<Pool>, ApiError> {
        self.pools().get(name).cloned().ok_or_else(|| ApiError::function_not_found(&function::arn(name)))
    }

    pub(super) fn pools(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Pool>>> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn create(&self, function: Function) -> Result<Function, ApiError> {
        let mut pools = self.pools();
        if pools.contains_key(&function.name) {
            return Err(ApiError::function_exists(&function.name));
        }
        if pools.len() >= FUNCTIONS_MAX {
            return Err(ApiError::too_many_functions(FUNCTIONS_MAX));
        }
        function.save(&self.host.paths.functions()).map_err(ApiError::service)?;
        pools.insert(function.name.clone(), Arc::new(Pool::new(function.clone())));
        Ok(function)
    }

    pub(super) fn change(
        &self,
        name: &str,
        change: impl FnOnce(&mut Function) -> Result<(), ApiError>,
    ) -> Result<Function, ApiError> {
        let pools = self.pools();
        let pool = pools.get(name).ok_or_else(|| ApiError::function_not_found(&function::arn(name)))?;
        let mut function = pool.function();
        change(&mut function)?;
        function.save(&self.host.paths.functions()).map_err(ApiError::service)?;
        pool.replace(function.clone());
        Ok(function)
    }

    pub(super) fn delete(&self, name: &str) -> Result<(), ApiError> {
        let mut pools = self.pools();
        let pool = pools.remove(name).ok_or_else(|| ApiError::function_not_found(&function::arn(name)))?;
        self.silence(name);
        pool.function().remove(&self.host.paths.functions()).map_err(ApiError::service)
    }

    /// Runs one request of the function `name`.
    pub(super) async fn invoke(&self, name: &str, id: &str, payload: Bytes) -> Result<Outcome, ApiError> {
        pool::run(self.pool(name)?.permit()?, &self.host, id, payload).await
    }

    /// Runs one request some time, as soon as there is room for it.
    pub(super) fn invoke_later(&self, name: &str, id: &str, payload: Bytes) -> Result<(), ApiError> {
        let (pool, host, id) = (self.pool(name)?, self.host.clone(), id.to_owned());
        tokio::spawn(async move {
            loop {
                if let Ok(permit) = pool.permit() {
                    // What it comes to is in the log.
                    let _ = pool.invoke(&host, &id, payload, permit).await;
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        Ok(())
    }
}
