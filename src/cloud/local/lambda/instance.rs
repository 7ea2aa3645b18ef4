//! One instance of a function: a process of its bootstrap, which serves one request at a time.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use serde_json::json;
use tokio::net::unix::pipe;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::child::{Child, Memory};
use super::disk;
use super::function::Function;
use super::hold::Hold;
use super::host::{Host, request_id};
use super::logs::{End, Log, Taken, Usage};
use super::runtime_api::{Answer, Init, RESPONSE_MAX, RuntimeApi, Work};
use crate::cloud::local::meter::Meter;
use crate::cloud::target::REGION;
use crate::config::vcpus;
use crate::private;

/// How long a start may take by itself. Lambda begins one that takes longer again, in the time of the invocation that it is for; here
/// it goes on, in that time.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>, "Init phase".
const INIT_MAX: Duration = Duration::from_secs(10);

/// How long an instance whose connection has ended may take to end itself.
const LAST_BREATH: Duration = Duration::from_secs(1);

/// How an instance ends that was killed, in Lambda's words.
const KILLED: &str = "signal: killed";

/// How often the memory of a busy instance is looked at.
const MEMORY_INTERVAL: Duration = Duration::from_millis(25);

/// How often its disk is, which takes longer.
const DISK_INTERVAL: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Instance {
    child: Child,
    api: RuntimeApi,
    log: Log,
    temporary: PathBuf,
    /// What it signs with, and who counts what it asks for by that, where it is held to its share of a core.
    held: Option<(String, Meter)>,
    /// Time of its start, until an invocation has been billed for it.
    init: Option<Duration>,
    /// The most bytes of memory it was seen with.
    memory_most: u64,
    /// [`Function::revision_id`] that it was started with.
    pub revision: String,
    pub idle_since: Instant,
}

/// What came of an invocation.
#[derive(Debug)]
pub(super) struct Outcome {
    pub payload: Bytes,
    pub failed: bool,
    pub tail: Vec<u8>,
    /// False if the instance cannot serve another.
    pub reusable: bool,
}

/// Why an instance cannot answer.
enum Death {
    Exit(String),
    /// It took longer than this.
    Timeout(Duration),
    /// It held more memory than it may.
    Memory,
    /// It holds more than these MB in its temporary folder.
    Disk(u32),
    Init(Bytes),
}

impl Instance {
    /// Starts a process; it is not yet ready for work.
    pub(super) async fn start(host: &Host, function: &Function) -> io::Result<Self> {
        let api = RuntimeApi::start().await?;
        let id = request_id();
        let temporary = host.paths.instances().join(&id);
        private::dir(&temporary)?;
        let (writer, output) = pipe::pipe()?;
        let input = writer.into_blocking_fd()?;
        let root = function.folder();
        let mut command = Command::new(root.join("bootstrap"));
        command.current_dir(&root).stdin(Stdio::null()).stdout(input.try_clone()?).stderr(input);
        command.env_clear().envs(environment(host, function, api.port, &id, &temporary));
        private::dir(&host.paths.function_logs())?;
        let log = Log::start(output, &host.log(&function.name))?;
        let child = Child::spawn(command).await?;
        api.belongs_to(child.pid());
        let revision = function.revision_id.clone();
        let held = host.cpu_share.then(|| (id, host.meter.clone()));
        Ok(Self { child, api, log, temporary, held, init: None, memory_most: 0, revision, idle_since: Instant::now() })
    }

    pub(super) fn is_alive(&self) -> bool {
        self.child.is_alive()
    }

    /// Waits for a cold start to be done.
    async fn initialize(&mut self, function: &Function, started: Instant) -> Result<(), Death> {
        let most = INIT_MAX.max(Duration::from_secs(function.timeout_s.into()));
        let mut init = self.api.init.clone();
        let done = async {
            let state = init.wait_for(|init| *init != Init::Running).await.map(|state| state.clone());
            match state {
                Ok(Init::Failed(error)) => Err(Death::Init(error)),
                _ => Ok(()),
            }
        };
        let result = tokio::select! {
            biased;
            done = timeout(most, done) => done.unwrap_or(Err(Death::Timeout(most))),
            exit = self.child.exit() => Err(Death::Exit(exit)),
        };
        self.init = Some(started.elapsed());
        result
    }

    /// Has the process serve one request. `started` is when a cold start began.
    pub(super) async fn invoke(
        &mut self,
        function: &Function,
        id: &str,
        payload: Bytes,
        started: Option<Instant>,
    ) -> Outcome {
        let ready = match started {
            Some(started) => self.initialize(function, started).await,
            None => Ok(()),
        };
        let spent = self.init.filter(|init| *init > INIT_MAX).unwrap_or_default();
        self.log.begin(id);
        let begun = Instant::now();
        let measuring = self.measure(function.memory_mb);
        let answer = match ready {
            Ok(()) => self.serve(function, id, payload, spent).await,
            Err(death) => Err(death),
        };
        self.memory_most = self.memory_most.max(Memory::of(self.child.pid()).most);
        let mut usage = Usage {
            duration: begun.elapsed(),
            taken: measuring.and_then(|(hold, before)| self.measured(hold, before)),
            init: self.init.take(),
            memory_mb: function.memory_mb,
            max_memory_bytes: self.memory_most,
            end: None,
        };
        let reusable = answer.is_ok();
        let is_full = self.memory_most >= u64::from(function.memory_mb) << 20;
        let (payload, failed) = match answer {
            Ok(Answer::Response(bytes)) => (bytes, false),
            Ok(Answer::Error(bytes)) => (bytes, true),
            Ok(Answer::TooLarge(length)) => {
                let message = format!(
                    "Response payload size ({length} bytes) exceeded maximum allowed payload size ({RESPONSE_MAX} bytes)."
                );
                (error("Function.ResponseSizeTooLarge", &message), true)
            }
            Err(death) => {
                self.child.kill();
                let death = match death {
                    Death::Exit(how) if is_full && how == KILLED => Death::Memory,
                    death => death,
                };
                let (end, payload) = self.obituary(death, id);
                usage.end = Some(end);
                (payload, true)
            }
        };
        let tail = self.log.end(id, &usage);
        Outcome { payload, failed, tail, reusable }
    }

    /// Holds the process to its share of a core, if it is to be; and its CPU time before that.
    fn measure(&self, memory_mb: u32) -> Option<(Hold, Duration)> {
        let (token, meter) = self.held.as_ref()?;
        meter.begin(token);
        let before = self.child.handle().cpu_time()?;
        Some((Hold::start(self.child.handle(), vcpus(memory_mb)), before))
    }

    /// What it took meanwhile.
    fn measured(&self, hold: Hold, before: Duration) -> Option<Taken> {
        drop(hold);
        let (token, meter) = self.held.as_ref()?;
        let traffic = meter.end(token);
        Some(Taken { cpu: self.child.handle().cpu_time()?.saturating_sub(before), traffic })
    }

    /// `spent` of its time are gone already.
    async fn serve(&mut self, function: &Function, id: &str, payload: Bytes, spent: Duration) -> Result<Answer, Death> {
        let limit = Duration::from_secs(function.timeout_s.into());
        let most = limit.saturating_sub(spent);
        let (sender, mut answer) = oneshot::channel();
        let work = Work {
            id: id.to_owned(),
            payload,
            deadline: SystemTime::now() + most,
            arn: function.arn(),
            answer: sender,
        };
        self.api.send(work).await;
        let memory_max = u64::from(function.memory_mb) << 20;
        let mut look = interval(MEMORY_INTERVAL);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        look.reset();
        let mut look_at_disk = interval(DISK_INTERVAL);
        look_at_disk.set_missed_tick_behavior(MissedTickBehavior::Delay);
        look_at_disk.reset();
        let disk_max = u64::from(function.ephemeral_mb) << 20;
        let deadline = tokio::time::sleep(most);
        tokio::pin!(deadline);
        let mut too_large = false;
        loop {
            tokio::select! {
                biased;
                answer = &mut answer => match answer {
                    Ok(answer) => return Ok(answer),
                    Err(_) if too_large => return Err(Death::Memory),
                    // Its connection has ended, and so has it, in a moment; or it asked for work anew without an answer.
                    Err(_) => {
                        let exit = tokio::time::timeout(LAST_BREATH, self.child.exit()).await;
                        return Err(Death::Exit(exit.unwrap_or_else(|_| "exit status unknown".to_owned())));
                    }
                },
                _ = self.child.exit(), if too_large => return Err(Death::Memory),
                exit = self.child.exit() => return Err(Death::Exit(exit)),
                () = &mut deadline => return Err(Death::Timeout(limit)),
                _ = look.tick() => {
                    let memory = Memory::of(self.child.pid());
                    self.memory_most = self.memory_most.max(memory.most.min(memory_max));
                    if memory.now > memory_max {
                        too_large = true;
                        self.child.kill();
                    }
                }
                _ = look_at_disk.tick() => {
                    let (folder, pid) = (self.temporary.clone(), self.child.pid());
                    let used = spawn_blocking(move || disk::used(&folder, pid)).await.unwrap_or_default();
                    if used > disk_max {
                        return Err(Death::Disk(function.ephemeral_mb));
                    }
                }
            }
        }
    }

    /// The error that Lambda gives for an instance that died of `death`.
    fn obituary(&self, death: Death, id: &str) -> (End, Bytes) {
        match death {
            Death::Timeout(limit) => {
                let message = format!("Task timed out after {:.2} seconds", limit.as_secs_f64());
                let now = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
                self.log.line(&format!("{now} {id} {message}\n\n"));
                (End::Timeout, error("Sandbox.Timedout", &format!("RequestId: {id} Error: {message}")))
            }
            Death::Exit(how) => {
                let message = format!("RequestId: {id} Error: Runtime exited with error: {how}");
                self.log.line(&format!("{message}\nRuntime.ExitError\n"));
                (End::Error("Runtime.ExitError".to_owned()), error("Runtime.ExitError", &message))
            }
            // As Lambda has it: the kind tells it from an instance that somebody else killed.
            Death::Memory => {
                let message = format!("RequestId: {id} Error: Runtime exited with error: signal: killed");
                self.log.line(&format!("{message}\nRuntime.OutOfMemory\n"));
                (End::Error("Runtime.OutOfMemory".to_owned()), error("Runtime.OutOfMemory", &message))
            }
            Death::Disk(mb) => {
                let message = format!(
                    "RequestId: {id} Error: Runtime exited with error: no space left on device: \
                     /tmp holds {mb} MB (EphemeralStorage)"
                );
                self.log.line(&format!("{message}\nRuntime.ExitError\n"));
                (End::Error("Runtime.ExitError".to_owned()), error("Runtime.ExitError", &message))
            }
            Death::Init(said) => {
                let said_type = serde_json::from_slice::<serde_json::Value>(&said)
                    .ok()
                    .and_then(|error| Some(error.get("errorType")?.as_str()?.to_owned()));
                match said_type {
                    Some(kind) => (End::Error(kind), said),
                    None => {
                        let message = format!("RequestId: {id} Error: the runtime could not start");
                        (End::Error("Runtime.InitError".to_owned()), error("Runtime.InitError", &message))
                    }
                }
            }
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.child.kill();
        // What cannot be removed now goes when the daemon starts next.
        let _ = fs::remove_dir_all(&self.temporary);
    }
}

fn error(kind: &str, message: &str) -> Bytes {
    json!({ "errorType": kind, "errorMessage": message }).to_string().into()
}

/// An instance's whole environment: Lambda's own variables, then the function's.
fn environment(
    host: &Host,
    function: &Function,
    port: u16,
    id: &str,
    temporary: &std::path::Path,
) -> Vec<(String, String)> {
    let root = function.folder().display().to_string();
    let runtime = "/var/runtime";
    let keys = host.keys(&function.role);
    let mut variables: Vec<(String, String)> = [
        ("_HANDLER", "bootstrap".to_owned()),
        ("AWS_ACCESS_KEY_ID", keys.access_key_id.clone()),
        ("AWS_SECRET_ACCESS_KEY", keys.secret_access_key.clone()),
        // What S3 tells instances apart by: each has its own share of the network.
        ("AWS_SESSION_TOKEN", id.to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_ENDPOINT_URL_LAMBDA", host.endpoint.clone()),
        ("AWS_ENDPOINT_URL_S3", host.endpoint.clone()),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_Image".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory_mb.to_string()),
        ("AWS_LAMBDA_FUNCTION_NAME", function.name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", function.name)),
        ("AWS_LAMBDA_LOG_STREAM_NAME", format!("{}/[$LATEST]{id}", chrono::Utc::now().format("%Y/%m/%d"))),
        ("AWS_LAMBDA_RUNTIME_API", format!("127.0.0.1:{port}")),
        ("LAMBDA_RUNTIME_DIR", runtime.to_owned()),
        ("LAMBDA_TASK_ROOT", root.clone()),
        ("LANG", "en_US.UTF-8".to_owned()),
        ("LD_LIBRARY_PATH", format!("/lib64:/usr/lib64:{runtime}:{runtime}/lib:{root}:{root}/lib:/opt/lib")),
        ("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin".to_owned()),
        ("TMPDIR", temporary.display().to_string()),
        ("TZ", ":UTC".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    variables.extend(function.environment.clone());
    variables
}
