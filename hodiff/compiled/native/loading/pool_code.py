"""A pool of threads as LLVM text: chunks of a loop, handed out to whoever is free.

``run_chunks(function, slots, chunks)`` calls ``function(slots, first, last)`` so that each chunk is in one of the
ranges ``first ≤ chunk < last``, in some thread. It returns when all is done and no helper is near the data any longer:

- Who enters takes the pool (``busy``); who finds it taken, in another thread or from a chunk, runs its chunks itself.
- A job is announced by a new number. A helper says that it is ``inside`` and then looks whether the job is ``open``;
  who owns the job closes it and then looks whether anybody is inside. So one of the two sees the other.
- Who has nothing to do turns round a few thousand times, as the next loop is often near, and then sleeps.
- Helpers take over the rounding mode of the owner, and the owner takes over the floating-point errors of the helpers.

Threads are made when they are first needed. They block all signals, never end, and know nothing of Python. Imports the
standard library only.

>>> "pthread_create" in pool_text("x86", signals=2), "pthread_create" in serial_text()
(True, False)
"""

#: Functions of the platform that the pool calls.
CALLED = (
    *("pthread_create", "pthread_detach", "pthread_sigmask", "sigfillset"),
    *("pthread_mutex_init", "pthread_mutex_lock", "pthread_mutex_unlock"),
    *("pthread_cond_init", "pthread_cond_wait", "pthread_cond_broadcast"),
)
#: What both versions export.
EXPORTED = ("run_chunks", "reset", "wanted", "started")
#: Turns before a thread sleeps: of a helper without a job, of the owner waiting for helpers. Some 20 ns each.
_IDLE, _LAST = 2000, 2000


def pool_text(family: str, *, signals: int) -> str:
    """The module of the pool, for a family of processors, and the number ``SIG_SETMASK`` of the platform."""
    text = _STATE + _HANDLING[family] + _HELPER + _STARTING + _OWNER + _RESET
    for name, value in {"SETMASK": signals, "IDLE": _IDLE, "LAST": _LAST}.items():
        text = text.replace(f"${name}", str(value))
    return text


def serial_text() -> str:
    """The module of a pool without threads."""
    return """\
@wanted = global i64 1
@started = global i64 0

define void @run_chunks(ptr %function, ptr %slots, i64 %chunks) {
call void %function(ptr %slots, i64 0, i64 %chunks)
ret void
}

define void @reset() {
ret void
}
"""


# `wanted` counts the owner. What different threads write again and again is not in one line of the cache.
_STATE = """\
declare i32 @pthread_create(ptr, ptr, ptr, ptr) nounwind
declare i32 @pthread_detach(i64) nounwind
declare i32 @pthread_sigmask(i32, ptr, ptr) nounwind
declare i32 @sigfillset(ptr) nounwind
declare i32 @pthread_mutex_init(ptr, ptr) nounwind
declare i32 @pthread_mutex_lock(ptr) nounwind
declare i32 @pthread_mutex_unlock(ptr) nounwind
declare i32 @pthread_cond_init(ptr, ptr) nounwind
declare i32 @pthread_cond_wait(ptr, ptr) nounwind
declare i32 @pthread_cond_broadcast(ptr) nounwind

@wanted = global i64 1
@started = global i64 0
@busy = internal global i32 0, align 128
@number = internal global i64 0, align 128
@born = internal global i64 0
@open = internal global i32 0
@function = internal global ptr null
@slots = internal global ptr null
@chunks = internal global i64 0
@helpers = internal global i64 0
@mode = internal global i64 0
@next = internal global i64 0, align 128
@inside = internal global i64 0, align 128
@errors = internal global i64 0
@sleeping = internal global i64 0, align 128
@waiting = internal global i32 0
@lock = internal global [128 x i8] zeroinitializer, align 128
@work = internal global [128 x i8] zeroinitializer, align 128
@done = internal global [128 x i8] zeroinitializer, align 128
"""

# The state of a thread's arithmetic: `get_mode` without errors, `set_mode` clears them, `get_errors`, `add_errors`.
_HANDLING = {
    "x86": """
declare void @llvm.x86.sse.stmxcsr(ptr)
declare void @llvm.x86.sse.ldmxcsr(ptr)
declare void @llvm.x86.sse2.pause()

define internal i64 @register() {
%cell = alloca i32
call void @llvm.x86.sse.stmxcsr(ptr %cell)
%all = load i32, ptr %cell
%wide = zext i32 %all to i64
ret i64 %wide
}

define internal void @set_mode(i64 %mode) {
%cell = alloca i32
%all = trunc i64 %mode to i32
store i32 %all, ptr %cell
call void @llvm.x86.sse.ldmxcsr(ptr %cell)
ret void
}

define internal i64 @get_mode() {
%all = call i64 @register()
%mode = and i64 %all, -64
ret i64 %mode
}

define internal i64 @get_errors() {
%all = call i64 @register()
%errors = and i64 %all, 63
ret i64 %errors
}

define internal void @add_errors(i64 %errors) {
%all = call i64 @register()
%more = or i64 %all, %errors
call void @set_mode(i64 %more)
ret void
}

define internal void @pause() {
call void @llvm.x86.sse2.pause()
ret void
}
""",
    "arm": """
declare i64 @llvm.aarch64.get.fpsr()
declare void @llvm.aarch64.set.fpsr(i64)
declare i64 @llvm.aarch64.get.fpcr()
declare void @llvm.aarch64.set.fpcr(i64)
declare void @llvm.aarch64.hint(i32)

define internal i64 @get_mode() {
%mode = call i64 @llvm.aarch64.get.fpcr()
ret i64 %mode
}

define internal void @set_mode(i64 %mode) {
call void @llvm.aarch64.set.fpcr(i64 %mode)
call void @llvm.aarch64.set.fpsr(i64 0)
ret void
}

define internal i64 @get_errors() {
%errors = call i64 @llvm.aarch64.get.fpsr()
ret i64 %errors
}

define internal void @add_errors(i64 %errors) {
%all = call i64 @llvm.aarch64.get.fpsr()
%more = or i64 %all, %errors
call void @llvm.aarch64.set.fpsr(i64 %more)
ret void
}

define internal void @pause() {
call void @llvm.aarch64.hint(i32 1)
ret void
}
""",
}

_HELPER = """
; Chunk after chunk, until there is none left.
define internal void @take_chunks() {
entry:
%function = load ptr, ptr @function
%slots = load ptr, ptr @slots
%chunks = load i64, ptr @chunks
br label %take
take:
%first = atomicrmw add ptr @next, i64 1 monotonic
%some = icmp slt i64 %first, %chunks
br i1 %some, label %run, label %end
run:
%last = add i64 %first, 1
call void %function(ptr %slots, i64 %first, i64 %last)
br label %take
end:
ret void
}

define internal ptr @helper(ptr %argument) {
entry:
%index = ptrtoint ptr %argument to i64
%first = load i64, ptr @born
br label %idle
idle:
%seen = phi i64 [ %first, %entry ], [ %number, %leave ], [ %number, %last ], [ %number, %tell ]
br label %turn
turn:
%turns = phi i64 [ 0, %idle ], [ %more, %rest ]
%now = load atomic i64, ptr @number seq_cst, align 8
%new = icmp ne i64 %now, %seen
br i1 %new, label %job, label %rest
rest:
call void @pause()
%more = add i64 %turns, 1
%patient = icmp slt i64 %more, $IDLE
br i1 %patient, label %turn, label %sleep
sleep:
%s0 = call i32 @pthread_mutex_lock(ptr @lock)
%s1 = atomicrmw add ptr @sleeping, i64 1 seq_cst
br label %asleep
asleep:
%later = load atomic i64, ptr @number seq_cst, align 8
%woken = icmp ne i64 %later, %seen
br i1 %woken, label %awake, label %dream
dream:
%s2 = call i32 @pthread_cond_wait(ptr @work, ptr @lock)
br label %asleep
awake:
%s3 = atomicrmw sub ptr @sleeping, i64 1 seq_cst
%s4 = call i32 @pthread_mutex_unlock(ptr @lock)
br label %job
job:
%number = phi i64 [ %now, %turn ], [ %later, %awake ]
%before = atomicrmw add ptr @inside, i64 1 seq_cst
%open = load atomic i32, ptr @open seq_cst, align 4
%is_open = icmp ne i32 %open, 0
br i1 %is_open, label %ask, label %leave
ask:
%helpers = load i64, ptr @helpers
%needed = icmp slt i64 %index, %helpers
br i1 %needed, label %help, label %leave
help:
%mode = load i64, ptr @mode
call void @set_mode(i64 %mode)
call void @take_chunks()
%raised = call i64 @get_errors()
%all = atomicrmw or ptr @errors, i64 %raised monotonic
br label %leave
leave:
%among = atomicrmw sub ptr @inside, i64 1 seq_cst
%final = icmp eq i64 %among, 1
br i1 %final, label %last, label %idle
last:
%waiting = load atomic i32, ptr @waiting seq_cst, align 4
%is_waiting = icmp ne i32 %waiting, 0
br i1 %is_waiting, label %tell, label %idle
tell:
%t0 = call i32 @pthread_mutex_lock(ptr @lock)
%t1 = call i32 @pthread_cond_broadcast(ptr @done)
%t2 = call i32 @pthread_mutex_unlock(ptr @lock)
br label %idle
}
"""

_STARTING = """
; Threads up to a number; fewer, where the system gives no more.
define internal void @start(i64 %count) {
entry:
%thread = alloca i64
%blocked = alloca [128 x i8], align 16
%kept = alloca [128 x i8], align 16
%before = load i64, ptr @started
%enough = icmp sge i64 %before, %count
br i1 %enough, label %end, label %block
block:
%now = load i64, ptr @number
store i64 %now, ptr @born
%b0 = call i32 @sigfillset(ptr %blocked)
%b1 = call i32 @pthread_sigmask(i32 $SETMASK, ptr %blocked, ptr %kept)
br label %create
create:
%index = phi i64 [ %before, %block ], [ %after, %created ]
%argument = inttoptr i64 %index to ptr
%status = call i32 @pthread_create(ptr %thread, ptr null, ptr @helper, ptr %argument)
%failed = icmp ne i32 %status, 0
br i1 %failed, label %unblock, label %created
created:
%name = load i64, ptr %thread
%c0 = call i32 @pthread_detach(i64 %name)
%after = add i64 %index, 1
store i64 %after, ptr @started
%more = icmp slt i64 %after, %count
br i1 %more, label %create, label %unblock
unblock:
%u0 = call i32 @pthread_sigmask(i32 $SETMASK, ptr %kept, ptr null)
br label %end
end:
ret void
}
"""

_OWNER = """
declare i64 @llvm.smin.i64(i64, i64)

define void @run_chunks(ptr %function, ptr %slots, i64 %chunks) {
entry:
%wanted = load atomic i64, ptr @wanted monotonic, align 8
%threads = call i64 @llvm.smin.i64(i64 %wanted, i64 %chunks)
%alone = icmp sle i64 %threads, 1
br i1 %alone, label %serial, label %try
try:
%pair = cmpxchg ptr @busy, i32 0, i32 1 seq_cst seq_cst
%free = extractvalue { i32, i1 } %pair, 1
br i1 %free, label %announce, label %serial
serial:
call void %function(ptr %slots, i64 0, i64 %chunks)
ret void
announce:
%helpers = sub i64 %threads, 1
call void @start(i64 %helpers)
store ptr %function, ptr @function
store ptr %slots, ptr @slots
store i64 %chunks, ptr @chunks
store i64 %helpers, ptr @helpers
%mode = call i64 @get_mode()
store i64 %mode, ptr @mode
store i64 0, ptr @next
store i64 0, ptr @errors
store atomic i32 1, ptr @open seq_cst, align 4
%old = atomicrmw add ptr @number, i64 1 seq_cst
%sleeping = load atomic i64, ptr @sleeping seq_cst, align 8
%asleep = icmp ne i64 %sleeping, 0
br i1 %asleep, label %wake, label %work
wake:
%w0 = call i32 @pthread_mutex_lock(ptr @lock)
%w1 = call i32 @pthread_cond_broadcast(ptr @work)
%w2 = call i32 @pthread_mutex_unlock(ptr @lock)
br label %work
work:
call void @take_chunks()
store atomic i32 0, ptr @open seq_cst, align 4
br label %turn
turn:
%turns = phi i64 [ 0, %work ], [ %more, %rest ]
%inside = load atomic i64, ptr @inside seq_cst, align 8
%nobody = icmp eq i64 %inside, 0
br i1 %nobody, label %finish, label %rest
rest:
call void @pause()
%more = add i64 %turns, 1
%patient = icmp slt i64 %more, $LAST
br i1 %patient, label %turn, label %wait
wait:
store atomic i32 1, ptr @waiting seq_cst, align 4
%a0 = call i32 @pthread_mutex_lock(ptr @lock)
br label %asked
asked:
%still = load atomic i64, ptr @inside seq_cst, align 8
%gone = icmp eq i64 %still, 0
br i1 %gone, label %told, label %dream
dream:
%a1 = call i32 @pthread_cond_wait(ptr @done, ptr @lock)
br label %asked
told:
%a2 = call i32 @pthread_mutex_unlock(ptr @lock)
store atomic i32 0, ptr @waiting seq_cst, align 4
br label %finish
finish:
%errors = load atomic i64, ptr @errors monotonic, align 8
%none = icmp eq i64 %errors, 0
br i1 %none, label %give_back, label %add
add:
call void @add_errors(i64 %errors)
br label %give_back
give_back:
store atomic i32 0, ptr @busy seq_cst, align 4
ret void
}
"""

# At the beginning, and in a forked process, which has none of the threads.
_RESET = """
define void @reset() {
store i64 0, ptr @started
store i32 0, ptr @busy
store i32 0, ptr @open
store i64 0, ptr @inside
store i64 0, ptr @sleeping
store i32 0, ptr @waiting
%r0 = call i32 @pthread_mutex_init(ptr @lock, ptr null)
%r1 = call i32 @pthread_cond_init(ptr @work, ptr null)
%r2 = call i32 @pthread_cond_init(ptr @done, ptr null)
ret void
}
"""
