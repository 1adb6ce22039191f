/** Longest title, in characters: the classic SQL CHECK, so that other tools keep reading our files. */
export const TITLE_CHARS_MAX = 500;

/** Longest text field, in characters: 1 MiB is ten times the largest seen, and a line stays readable. */
export const TEXT_CHARS_MAX = 1_048_576;

/** Longest label, dependency type, actor or other short field, in characters. */
export const NAME_CHARS_MAX = 200;

/** Longest line in a mirror, an import or a request, in bytes: the reader holds one line in memory. */
export const LINE_BYTES_MAX = 16 * 1024 * 1024;

/** Longest LSP header block, in bytes: two short headers fit, an endless one does not. */
export const HEADER_BYTES_MAX = 4 * 1024;

/** A first line of more bytes than this is no MCP client's: theirs says hello. */
export const OPENING_LINE_BYTES_MAX = 64 * 1024;

/** Deepest nesting of a value in a line: SQLite reads 1,000 levels, and no person reads 100. */
export const JSON_DEPTH_MAX = 100;

/** Records handled before other clients get a turn, so that no request waits longer than 50 ms. */
export const SLICE_RECORDS = 200;

/** Parent chains: `a.1.2.3` is the deepest child id, as in the classic tool. */
export const CHILD_DEPTH_MAX = 3;

/** Socket paths, in bytes: macOS allows 103, and Node 20 silently cuts longer ones. */
export const SOCKET_PATH_BYTES_MAX = 100;

/** The longest path that SQLite opens, in bytes (MAX_PATHNAME of its os_unix.c). */
export const SQLITE_PATH_BYTES_MAX = 512;

/** Open connections of one daemon: an editor, an MCP bridge and a swarm of agents fit. */
export const CONNECTIONS_MAX = 256;

/** How long a connection may take to send its first bytes, which decide its protocol. */
export const FIRST_BYTES_TIMEOUT_MS = 5_000;

/** The daemon sends something at least this often while a command runs. */
export const HEARTBEAT_INTERVAL_MS = 2_000;

/** Silence after which a client calls the daemon unresponsive: two missed heartbeats; every command ends within 6 s. */
export const SILENCE_TIMEOUT_MS = 4_000;

/** How long a client waits for a daemon to start, its own or another client's: a start is slow on a busy machine. */
export const DAEMON_START_TIMEOUT_MS = 30_000;

/** How long it waits when another process holds the workspace and accepts no connection: a command ends within 6 s. */
export const HELD_TIMEOUT_MS = 4_500;

/** How long a failed start is remembered: until then commands run without a daemon and print nothing about it. */
export const START_FAILURE_KEPT_MS = 30_000;

/** Longest time for which `bd daemon stop --hold` keeps a daemon from starting: use `off` for longer. */
export const HOLD_MAX_MS = 24 * 3_600_000;

/** Largest note about a failed start or a daemon that is off, in bytes: it holds two sentences. */
export const DAEMON_NOTE_BYTES_MAX = 16 * 1024;

/** How long a command without daemon waits for another one that holds the lock: it ends within 6 s. */
export const LOCK_WAIT_MS = 5_000;

/** How long SQLite waits for a foreign writer before it reports the store as busy: the client hears nothing meanwhile, so well below its timeout. */
export const STORE_BUSY_TIMEOUT_MS = 2_500;

/** After such a wait timed out, callers within this time fail at once instead of waiting again. */
export const STORE_BUSY_AGAIN_MS = 1_000;

/** Stores up to this size, in bytes, are checked for damage at each open: it takes a few milliseconds. */
export const STORE_CHECK_BYTES_MAX = 4 * 1024 * 1024;

/** The same for a store that was copied or not closed cleanly: it takes a quarter of a second, once. */
export const SUSPECT_STORE_CHECK_BYTES_MAX = 256 * 1024 * 1024;

/** Quiet time after a change before the mirror is written: one burst, one write. */
export const MIRROR_QUIET_MS = 50;

/** The mirror is written after this time even if a burst of changes goes on. */
export const MIRROR_DELAY_MAX_MS = 500;

/** A deleted mirror is written again after this time: an `rm -r`, or git replacing the file, is over by then. */
export const MIRROR_GONE_MS = 1_000;

/** How often the mirror is checked when `daemon.file_watch` is off. */
export const MIRROR_LOOK_INTERVAL_MS = 30_000;

/** How often a mirror that waits for a git operation, such as a rebase, checks whether it is over. */
export const OPERATION_LOOK_INTERVAL_MS = 1_000;

/** Idle exit: no connection and nothing to share for this long. */
export const IDLE_TIMEOUT_MS = 20 * 60_000;

/** A local git call: plumbing on few objects. */
export const GIT_LOCAL_TIMEOUT_MS = 30_000;

/** A git call that talks to a remote. */
export const GIT_NETWORK_TIMEOUT_MS = 60_000;

/** How long `bd sync` waits for one answer of the remote: the command ends within 6 s, the cycle goes on. */
export const REMOTE_PATIENCE_MS = 3_500;

/** How long a first command waits for another one that creates the workspace, which may have much to fetch. */
export const WORKSPACE_WAIT_MS = 10_000;

/** How long a command in a clone without a workspace waits for the remote to say whether it has issues. */
export const FRESH_CLONE_TIMEOUT_MS = 3_000;

/** Races against other clones' pushes before one cycle gives up; the next one tries again. */
export const PUSH_ATTEMPTS_MAX = 8;

/** Changes that share one commit at most: some 20 ms of work, before other clients get a turn. */
export const WRITES_PER_COMMIT_MAX = 100;

/** Bytes handled before other clients get a turn, where lines are long. */
export const SLICE_BYTES = 1024 * 1024;

/** A mirror that ends in half a line may still be being written: how long one read waits for the rest. */
export const MIRROR_SETTLE_MS = 200;

/** Two writes within this time can get the same file time: kernels advance it every 1 to 10 ms. */
export const STAMP_MS = 20;

/** The same on a file system that keeps whole seconds, or every second one, as FAT does. */
export const COARSE_STAMP_MS = 2_500;

/**
 * How long a call waits for an edited mirror to be taken in, or for a change to reach a tracked mirror.
 * A command makes several calls and ends within 6 s, so the time counts from the first that waits.
 */
export const MIRROR_WAIT_MS = 2_000;

/** How long a call waits for a git command that holds the index: milliseconds as a rule, for ever when it was killed. */
export const INDEX_LOCK_WAIT_MS = 500;

/** How often it looks meanwhile. */
export const INDEX_LOCK_LOOK_MS = 20;

/** Reads of a half-written mirror, and restarts because another program wrote it meanwhile, before one flush gives up. */
export const MIRROR_ATTEMPTS_MAX = 10;

/** How long ssh tries to reach a host, in seconds: less than the deadline of the whole call. */
export const SSH_CONNECT_TIMEOUT_S = 10;

/** After the deadline git is asked to stop; this much later its call ends, whether git did or not. */
export const GIT_KILL_GRACE_MS = 1_000;

/** How often changes of other clones are fetched while someone works here. */
export const FETCH_INTERVAL_MS = 5_000;

/** Someone works here: a change was made or received this recently. */
export const ACTIVITY_WINDOW_MS = 120_000;

/** First and longest wait after a failed cycle: it doubles from one to the other. */
export const RETRY_DELAY_MS = 5_000;
export const RETRY_DELAY_MAX_MS = 15 * 60_000;

/** First and longest wait after another clone's push came first. */
export const RACE_PAUSE_MS = 50;
export const RACE_PAUSE_MAX_MS = 2_000;

/** How often a directory is polled when the system has no watches left. */
export const WATCH_POLL_INTERVAL_MS = 1_000;

/** Requests that one connection may have running; the daemon reads on when one of them is done. */
export const REQUESTS_PER_CONNECTION_MAX = 64;

/** Silence in the middle of a message after which the connection is closed: no program pauses there. */
export const MESSAGE_TIMEOUT_MS = 10_000;

/**
 * What all connections together may make the daemon hold, in bytes: the answer to `list` of 100k issues
 * for two slow readers fits. Beyond it, the connection that holds most is closed.
 */
export const HELD_BYTES_MAX = 256 * 1024 * 1024;

/** Connecting to a local socket is immediate, unless the daemon is stopped or its queue is full. */
export const CONNECT_TIMEOUT_MS = 1_000;

/** How long a question about the daemon itself waits: it is answered without any work. */
export const ANSWER_TIMEOUT_MS = 2_000;

/** How long running requests may take to end after the daemon was told to stop. */
export const DRAIN_TIMEOUT_MS = 2_000;

/** The same when it makes room for a newer one, which waits for it, and whose first client waits for both. */
export const RETIRE_DRAIN_TIMEOUT_MS = 3_000;

/** After a retirement, how long newer clients are served by an older daemon that was started again. */
export const RETIRE_COOLDOWN_MS = 60_000;

/** How long a new daemon waits for its predecessor to release the lock; its client must learn in time when it does not. */
export const SUCCESSION_WAIT_MS = 4_000;

/** How often a command is sent again after its daemon went away; then it runs without a daemon. */
export const COMMAND_REPEATS_MAX = 5;

/** Output of a command is held this long, in ms: while nothing is shown, the command can be sent again. */
export const OUTPUT_HELD_MS = 100;

/** Answers to changes that are kept for commands sent again: a busy minute of many agents. */
export const ANSWERS_KEPT = 2_000;

/** How long `bd daemon stop` waits: for the drain and the mirror of a large store; it ends within 6 s. */
export const STOP_TIMEOUT_MS = 5_000;

/** How long `bd mcp` waits for answers that are due when its input has ended: it ends within 6 s. */
export const BRIDGE_DRAIN_TIMEOUT_MS = 4_000;

/**
 * Interval between workspace checks when nothing causes one: longer than the fetch interval at rest, so
 * that a check coincides with a fetch.
 */
export const LOOK_INTERVAL_MS = 75_000;

/** Minimum interval between workspace checks; without a watcher, their regular interval. */
export const LOOK_SPACING_MS = 15_000;

/** Wait between a change of the workspace's files and the check: an `rm -r` is over by then. */
export const LOOK_SETTLE_MS = 1_000;

/** When the two clocks differ by this much since the last check, the machine slept. */
export const WAKE_GAP_MS = 45_000;

/** After waking, the remote is fetched within this time, at random: not all machines of an office at once. */
export const WAKE_JITTER_MS = 5_000;

/** Quiet time after the last connection before the store is tidied up. */
export const STORE_REST_MS = 5_000;

/** Pause for other work between two parts of the tidying. */
export const STORE_TIDY_PAUSE_MS = 20;

/**
 * A write-ahead log above this size, in bytes, is emptied after the write that filled it, as SQLite itself would.
 * The larger it may be, the more writes of one page are written into the file once.
 */
export const WAL_BYTES_MAX = 16 * 1024 * 1024;

/** A write-ahead log above this size, in bytes, is emptied when the daemon rests. */
export const WAL_REST_BYTES_MAX = 1024 * 1024;

/** A command's text goes over the socket in pieces of this many characters, well below a line's limit. */
export const STREAM_CHUNK_CHARS = 256 * 1024;

/** Most standard input one command may read, in characters: twice a mirror of 100k issues. */
export const STDIN_CHARS_MAX = 128 * 1024 * 1024;

/** A daemon's log is rotated before it grows beyond this, in bytes; one old file is kept. */
export const LOG_BYTES_MAX = 5 * 1024 * 1024;

/** A lasting problem is logged once in this time: an unreachable remote is tried every minute. */
export const LOG_REPEAT_INTERVAL_MS = 60 * 60_000;

/** Problems remembered for that; the oldest is forgotten, and logged again. */
export const LOG_CAUSES_MAX = 64;

/** Crashes within `CRASH_WINDOW_MS` after which no daemon is started for as long. */
export const CRASHES_MAX = 3;

/** Crashes this close together have one cause; a daemon that lives longer is past it. */
export const CRASH_WINDOW_MS = 10 * 60_000;

/** Lines of the log in a crash report: what led to it, not the whole day. */
export const CRASH_LOG_LINES = 50;

/** Longest message and longest stack in a crash report, in characters: the cause, not what was worked on. */
export const CRASH_TEXT_CHARS_MAX = 16_384;

/** Longest crash report, in bytes; a quarter of it is for the lines of the log, before they are escaped. */
export const CRASH_REPORT_BYTES_MAX = 256 * 1024;

/** How long a starting daemon waits for others that write the registry: a stopped process can block them for 5 s. */
export const REGISTRY_WAIT_MS = 6_000;

/** The same for an ending daemon that a client waits for: the next reader removes an entry that stays. */
export const REGISTRY_LEAVE_WAIT_MS = 1_000;

/** Longest result of one MCP tool call, in bytes: about 6,000 tokens, under every client's cap. */
export const MCP_RESULT_BYTES_MAX = 24 * 1024;

/** Issues that one MCP tool call may create, close or list: a model reads no more at once. */
export const MCP_ISSUES_MAX = 50;

/** Issues whose whole texts one MCP `show` returns. */
export const MCP_SHOWN_MAX = 10;

/** How long an MCP connection may take to answer pending requests after its client stopped sending. */
export const MCP_DRAIN_TIMEOUT_MS = 10_000;

/** Rounds in which an MCP `claim` without id looks for ready work, when others take each list first. */
export const MCP_CLAIM_ROUNDS_MAX = 20;

/** What a daemon does in the background begins after this at the latest, so that its first command is not delayed. */
export const START_SETTLE_MS = 100;

/** Longest `_bd` of a line, in characters: a whole line, as whatever bd writes it must accept when it reads. */
export const CAUSAL_CHARS_MAX = 16 * 1024 * 1024;

/** Writers in one issue's version vector: far more than ever touch one issue; bounds what a line can cost. */
export const VECTOR_REPLICAS_MAX = 4_096;

/** Writers beyond which texts are no longer merged: each merge is a writer itself, and clones need the rest. */
export const TEXT_MERGE_REPLICAS_MAX = 2_048;

/** Latest instant a write can carry, in ms: the end of the year 9998, as of timestamps. */
export const WRITE_MS_MAX = 253_370_764_799_999;

/** Lines of a text's changed part that are compared: more are no longer one person's edit of it. */
export const DIFF_LINES_MAX = 5_000;

/** Steps in comparing two texts, a few milliseconds: some 500 lines may differ. */
export const DIFF_STEPS_MAX = 150_000;

/** How long a deleted issue keeps its content, to be looked at or restored: as in the classic tool. */
export const TOMBSTONE_KEEP_MS = 30 * 86_400_000;

/** How often a store is searched for such issues. */
export const TOMBSTONE_SWEEP_INTERVAL_MS = 86_400_000;

/** Changes whose previous records are kept: an edit that arrives late was made from one of them. */
export const VERSIONS_KEPT = 2_000;

/** Above this the branch holds the issues in parts: a change then costs one part of it, in bytes. */
export const BRANCH_FILE_BYTES_MAX = 2 * 1024 * 1024;

/** How long an open commit message counts as being written; after a longer pause it does not. */
export const COMMIT_EDITOR_MS = 30 * 60_000;

/** Changes that wait longer than this to be shared are reported: every retry but the longest has failed by then. */
export const OVERDUE_AFTER_MS = 10 * 60_000;

/** Minimum interval between two such reports. */
export const OVERDUE_NOTICE_INTERVAL_MS = 10 * 60_000;

/** Turns of the event loop that `daemon_status` measures: some hundred microseconds when all is well. */
export const EVENT_LOOP_TURNS = 5;

/** Time for probing one daemon: a wedged one must not delay the list of the others. */
export const PROBE_TIMEOUT_MS = 2_000;

/** How long a daemon may take to end after a signal: a little more than its drain. */
export const TERMINATE_WAIT_MS = 2_500;

/** How long the system may take to end a process that was killed. */
export const KILL_WAIT_MS = 1_000;

/** A process may be this much younger than its record says: the system gives its boot time in seconds. */
export const PROCESS_START_TOLERANCE_MS = 2_000;

/** Longest registry that is read, in bytes: some thousand daemons; a longer file is no list of daemons. */
export const REGISTRY_BYTES_MAX = 1024 * 1024;

/** Most entries of the registry that are read. */
export const REGISTRY_ENTRIES_MAX = 1_000;

/** Free space, in bytes, below which bd warns: a store and its mirror of 100k issues still fit. */
export const DISK_LOW_BYTES = 100 * 1024 * 1024;

/** Lines that `logs` shows unless told otherwise, as in the classic tool. */
export const LOG_LINES_SHOWN = 50;

/** How long a read-only look at a store waits for a process that holds it exclusively. */
export const STORE_LOOK_TIMEOUT_MS = 1_000;

/** Largest store, in bytes, that a read-only look checks for damage: about a second. */
export const STORE_LOOK_BYTES_MAX = 256 * 1024 * 1024;

/** Largest mirror that `bd doctor` reads line by line, in bytes: some ten thousand issues, in a second or two. */
export const MIRROR_CHECK_BYTES_MAX = 32 * 1024 * 1024;

/** How long systemctl or launchctl may take: they answer at once, unless their service is not running. */
export const SERVICE_MANAGER_TIMEOUT_MS = 4_000;

/** After the end of a subscription its reader gets so long to read what was sent. */
export const SUBSCRIBER_FLUSH_MS = 100;
