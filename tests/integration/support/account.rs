//! An AWS account for one test, as emulated, behind a proxy.

use std::collections::BTreeSet;

use aws_sdk_lambda::operation::get_function::GetFunctionOutput;

use super::{Emulator, Proxy};

/// An AWS account of the project's own, as emulated.
pub(crate) struct Account {
    /// What `quackctl` and the function talk to.
    pub proxy: Proxy,
    pub emulator: Emulator,
    /// What was there at first.
    empty: BTreeSet<String>,
}

impl Account {
    pub(crate) fn open() -> Self {
        Self::of(Emulator::start())
    }

    /// One in which nobody may do anything unless a policy allows it.
    pub(crate) fn strict() -> Self {
        Self::of(Emulator::strict())
    }

    /// One that is as strict about what it is sent as AWS is, and cannot run functions; nothing where there is none.
    pub(crate) fn localemu() -> Option<Self> {
        Emulator::localemu().map(Self::of)
    }

    fn of(emulator: Emulator) -> Self {
        let empty = block_on(emulator.inventory());
        Self { proxy: Proxy::start(&emulator.endpoint), emulator, empty }
    }

    /// What is there now and was not at first: `"bucket NAME"`, `"role NAME"`, ...
    pub(crate) fn left(&self) -> Vec<String> {
        block_on(self.emulator.inventory()).difference(&self.empty).cloned().collect()
    }

    /// Makes a user who may do what `policy` says and nothing else: access key and secret.
    pub(crate) fn user(&self, name: &str, policy: &str) -> (String, String) {
        let iam = aws_sdk_iam::Client::new(&self.emulator.sdk());
        block_on(async {
            iam.create_user().user_name(name).send().await.expect("a user");
            let put = iam.put_user_policy().user_name(name).policy_name(name).policy_document(policy);
            put.send().await.expect("a user's policy");
            let made = iam.create_access_key().user_name(name).send().await.expect("an access key");
            let key = made.access_key.expect("an access key");
            (key.access_key_id, key.secret_access_key)
        })
    }

    /// What Lambda says of a function.
    pub(crate) fn function(&self, name: &str) -> GetFunctionOutput {
        let lambda = aws_sdk_lambda::Client::new(&self.emulator.sdk());
        block_on(lambda.get_function().function_name(name).send()).expect("a function of this name")
    }

    /// The memory of a function, MB.
    pub(crate) fn memory_mb(&self, name: &str) -> Option<i32> {
        self.function(name).configuration?.memory_size
    }

    /// The calls that came since calls were asked for last, and were to change something.
    pub(crate) fn writes(&self) -> Vec<String> {
        self.proxy.calls().into_iter().filter(|call| call.writes()).map(|call| call.to_string()).collect()
    }
}

/// Runs a call of an SDK to its end, outside of any other runtime.
pub(crate) fn block_on<T>(call: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(call)
}
