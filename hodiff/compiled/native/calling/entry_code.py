"""The fast-call entry as LLVM text: from a call by Python to a call of a kernel, and all that may happen there.

One entry serves all programs. What it must know of one stands in a plan (see ``entry_layout``), which ``entry`` fills;
so a program's own module has its kernel only, and is compiled the sooner. May import ``entry_conversions`` and
``entry_layout``.

>>> print(entry_text("x86").splitlines()[0])
declare i8 @PyArray_EquivTypes(ptr, ptr)
"""

from hodiff.compiled.native.calling.entry_conversions import CONVERSIONS
from hodiff.compiled.native.calling.entry_layout import expanded


def entry_text(family: str) -> str:
    """The module of the function ``entry``, for the processors of a family: "x86" or "arm"."""
    return expanded(_DECLARATIONS + _HANDLING[family] + CONVERSIONS + _OTHERWISE + _ENTRY)


_DECLARATIONS = """\
declare i8 @PyArray_EquivTypes(ptr, ptr)
declare ptr @PyArray_NewCopy(ptr, i32)
declare ptr @PyArray_NewFromDescr(ptr, ptr, i32, ptr, ptr, ptr, i32, ptr)
declare ptr @PyArray_Scalar(ptr, ptr, ptr)
declare ptr @PyBool_FromLong(i64)
declare ptr @PyComplex_FromDoubles(double, double)
declare void @PyEval_RestoreThread(ptr)
declare ptr @PyEval_SaveThread()
declare ptr @PyErr_NoMemory()
declare ptr @PyFloat_FromDouble(double)
declare i64 @PyLong_AsLongLongAndOverflow(ptr, ptr)
declare ptr @PyLong_FromLongLong(i64)
declare void @PyMem_RawFree(ptr)
declare ptr @PyMem_RawMalloc(i64)
declare ptr @PyObject_CallOneArg(ptr, ptr)
declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare ptr @PyTuple_New(i64)
declare void @Py_DecRef(ptr)
declare void @Py_IncRef(ptr)
"""

# The flags of floating-point errors, in x86's bits: 1 invalid, 4 divide, 8 over, 16 under. The rounding mode and the
# like stay as they are.
_HANDLING = {
    "x86": """
declare void @llvm.x86.sse.stmxcsr(ptr)
declare void @llvm.x86.sse.ldmxcsr(ptr)

define internal i64 @errors(ptr %cell) {
  call void @llvm.x86.sse.stmxcsr(ptr %cell)
  %all = load i32, ptr %cell
  %set = and i32 %all, 29
  %errors = zext i32 %set to i64
  ret i64 %errors
}

define internal void @clear_errors(ptr %cell) {
  %before = call i64 @errors(ptr %cell)
  %none = icmp eq i64 %before, 0
  br i1 %none, label %done, label %clear
clear:
  %all = load i32, ptr %cell
  %left = and i32 %all, -30
  store i32 %left, ptr %cell
  call void @llvm.x86.sse.ldmxcsr(ptr %cell)
  br label %done
done:
  ret void
}
""",
    "arm": """
declare i64 @llvm.aarch64.get.fpsr()
declare void @llvm.aarch64.set.fpsr(i64)

define internal i64 @errors(ptr %cell) {
  %all = call i64 @llvm.aarch64.get.fpsr()
  %invalid = and i64 %all, 1
  %others = and i64 %all, 14
  %shifted = shl i64 %others, 1
  %errors = or i64 %invalid, %shifted
  ret i64 %errors
}

define internal void @clear_errors(ptr %cell) {
  %all = call i64 @llvm.aarch64.get.fpsr()
  %left = and i64 %all, -16
  call void @llvm.aarch64.set.fpsr(i64 %left)
  ret void
}
""",
}

_OTHERWISE = """
; What NumPy code answers; where it does so call after call, native code rests for a while.
define internal ptr @fall(ptr %plan, ptr %args, i64 %count, i64 %cause) noinline cold {
start:
  %counts = at %plan Plan.mismatches
  %number_at = getelementptr i64, ptr %counts, i64 %cause
  %number = load i64, ptr %number_at
  %incremented = add i64 %number, 1
  store i64 %incremented, ptr %number_at
  %foreign = icmp eq i64 %cause, $MISMATCH
  br i1 %foreign, label %slowly, label %fell
fell:
  %before = get i64, %plan Plan.fallen
  %fallen = add i64 %before, 1
  set i64 %fallen, %plan Plan.fallen at fallen_now
  %patient = icmp ult i64 %fallen, $PATIENCE
  br i1 %patient, label %slowly, label %tired
tired:
  %pause = get i64, %plan Plan.pause
  set i64 %pause, %plan Plan.resting at resting
  %twice = shl i64 %pause, 1
  %longer = icmp ult i64 %twice, $LONGEST_PAUSE
  %following = select i1 %longer, i64 %twice, i64 $LONGEST_PAUSE
  set i64 %following, %plan Plan.pause at next_pause
  br label %slowly
slowly:
  %slow = get ptr, %plan Plan.slow
  %answer = call ptr @PyObject_Vectorcall(ptr %slow, ptr %args, i64 %count, ptr null)
  ret ptr %answer
}

; Run the kernel; its status, and in a cell the errors that it raised.
define internal i32 @run(ptr %plan, ptr %slots, ptr %raised) {
start:
  %cell = alloca i32
  %kernel = get ptr, %plan Plan.kernel
  %heard = get i64, %plan Plan.heard
  %releases = get i64, %plan Plan.releases
  %holds = icmp eq i64 %releases, 0
  br i1 %holds, label %ready, label %release
release:
  %saved = call ptr @PyEval_SaveThread()
  br label %ready
ready:
  %thread = phi ptr [ null, %start ], [ %saved, %release ]
  call void @clear_errors(ptr %cell)
  %status = call i32 %kernel(ptr %slots)
  %errors = call i64 @errors(ptr %cell)
  br i1 %holds, label %done, label %restore
restore:
  call void @PyEval_RestoreThread(ptr %thread)
  br label %done
done:
  %ignored = icmp eq i64 %heard, 0
  %counted = select i1 %ignored, i64 0, i64 %errors
  store i64 %counted, ptr %raised
  ret i32 %status
}
"""

_ENTRY = """
; The same, for arrays that lie as they come in C's order; other arguments are not answered at all.
define ptr @strict(ptr %self, ptr %args, i64 %count) {
start:
  %array_at = getelementptr i8, ptr %self, i64 $ITEMS
  %array = load ptr, ptr %array_at
  %plan = get ptr, %array Array.data
  %inputs = get i64, %plan Plan.inputs
  %records = get ptr, %plan Plan.input_records
  %as_many = icmp eq i64 %count, %inputs
  br i1 %as_many, label %head, label %unfit
head:
  %i = phi i64 [ 0, %start ], [ %next, %following ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %body, label %all
body:
  %object_at = getelementptr ptr, ptr %args, i64 %i
  %object = load ptr, ptr %object_at
  %record = getelementptr [$RECORD_SIZE x i8], ptr %records, i64 %i
  %kind = get i64, %record Record.kind
  %type = get ptr, %object Object.type
  %wanted = get ptr, %record Record.type
  %next = add i64 %i, 1
  %same = icmp eq ptr %type, %wanted
  br i1 %same, label %known, label %unfit
known:
  %is_array = icmp eq i64 %kind, $ARRAY
  br i1 %is_array, label %look, label %following
look:
  %flags = get i32, %object Array.flags
  %set = and i32 %flags, $PLAIN
  %plain = icmp eq i32 %set, $PLAIN
  br i1 %plain, label %compare, label %unfit
compare:
  %fits = call i1 @matches(ptr %object, ptr %record)
  br i1 %fits, label %following, label %unfit
following:
  br label %head
all:
  %answer = tail call ptr @entry(ptr %self, ptr %args, i64 %count)
  ret ptr %answer
unfit:
  %elsewhere = get ptr, %plan Plan.elsewhere
  call void @Py_IncRef(ptr %elsewhere)
  ret ptr %elsewhere
}

define ptr @entry(ptr %self, ptr %args, i64 %count) {
start:
  %raised = alloca i64
  %array_at = getelementptr i8, ptr %self, i64 $ITEMS
  %array = load ptr, ptr %array_at
  %plan = get ptr, %array Array.data
  %inputs = get i64, %plan Plan.inputs
  %outputs = get i64, %plan Plan.outputs
  %resting = get i64, %plan Plan.resting
  %as_many = icmp eq i64 %count, %inputs
  br i1 %as_many, label %counted, label %mismatch
counted:
  %awake = icmp eq i64 %resting, 0
  br i1 %awake, label %ready, label %rest
rest:
  %left = sub i64 %resting, 1
  set i64 %left, %plan Plan.resting at still_resting
  %slow = get ptr, %plan Plan.slow
  %rested = call ptr @PyObject_Vectorcall(ptr %slow, ptr %args, i64 %count, ptr null)
  ret ptr %rested
ready: ; take the kept block, or where another call has it, allocate one
  %kept = get ptr, %plan Plan.block
  %busy = get i64, %plan Plan.busy
  %idle = icmp eq i64 %busy, 0
  br i1 %idle, label %take, label %allocate
take:
  set i64 1, %plan Plan.busy at taken
  br label %prepare
allocate:
  %size = get i64, %plan Plan.size
  %allocated = call ptr @PyMem_RawMalloc(i64 %size)
  %unavailable = icmp eq ptr %allocated, null
  br i1 %unavailable, label %no_memory, label %align
no_memory:
  %null = call ptr @PyErr_NoMemory()
  ret ptr null
align:
  %address = ptrtoint ptr %allocated to i64
  %beyond = add i64 %address, 63
  %rounded = and i64 %beyond, -64
  %aligned = inttoptr i64 %rounded to ptr
  br label %prepare
prepare:
  %block = phi ptr [ %kept, %take ], [ %aligned, %align ]
  %raw = phi ptr [ null, %take ], [ %allocated, %align ]
  %made_offset = get i64, %plan Plan.made
  %cells_offset = get i64, %plan Plan.cells
  %arena_offset = get i64, %plan Plan.arena
  %made = getelementptr i8, ptr %block, i64 %made_offset
  %cells = getelementptr i8, ptr %block, i64 %cells_offset
  %arena = getelementptr i8, ptr %block, i64 %arena_offset
  %both = add i64 %inputs, %outputs
  br label %empty
empty:
  %i = phi i64 [ 0, %prepare ], [ %next, %put ]
  %more = icmp ult i64 %i, %both
  br i1 %more, label %put, label %read
put:
  %made_at = getelementptr ptr, ptr %made, i64 %i
  store ptr null, ptr %made_at
  %next = add i64 %i, 1
  br label %empty
read:
  %arena_slot = getelementptr ptr, ptr %block, i64 %both
  store ptr %arena, ptr %arena_slot
  %reading = call i32 @read_inputs(ptr %plan, ptr %args, ptr %block, ptr %made, ptr %cells)
  switch i32 %reading, label %leave [ i32 0, label %make i32 1, label %unfit ]
unfit:
  call void @finish(ptr %plan, ptr %raw, ptr %made, i64 %both)
  br label %mismatch
make:
  %output_slots = getelementptr ptr, ptr %block, i64 %inputs
  %output_made = getelementptr ptr, ptr %made, i64 %inputs
  %output_cells = getelementptr [16 x i8], ptr %cells, i64 %inputs
  %arrays = call i1 @make_outputs(ptr %plan, ptr %output_slots, ptr %output_made, ptr %output_cells)
  br i1 %arrays, label %run, label %leave
run:
  %status = call i32 @run(ptr %plan, ptr %block, ptr %raised)
  %errors = load i64, ptr %raised
  switch i32 %status, label %unusual [ i32 0, label %computed i32 1, label %bail ]
computed:
  %silent = icmp eq i64 %errors, 0
  br i1 %silent, label %results, label %ask
ask: ; whether all errors that were raised are ignored
  %number = call ptr @PyLong_FromLongLong(i64 %errors)
  %unasked = icmp eq ptr %number, null
  br i1 %unasked, label %leave, label %asked
asked:
  %stands = get ptr, %plan Plan.stands
  %opinion = call ptr @PyObject_CallOneArg(ptr %stands, ptr %number)
  call void @Py_DecRef(ptr %number)
  call void @Py_DecRef(ptr %opinion)
  %true = get ptr, %plan Plan.true
  %ignored = icmp eq ptr %opinion, %true
  br i1 %ignored, label %results, label %opposed
opposed:
  %raises = icmp eq ptr %opinion, null
  br i1 %raises, label %leave, label %alarm
results:
  %numbers = call i1 @make_numbers(ptr %plan, ptr %output_made, ptr %output_cells)
  br i1 %numbers, label %build, label %leave
build:
  %tuple = call ptr @tuple(ptr %plan, ptr %args, ptr %output_made)
  br label %succeed
unusual:
  %negative = icmp slt i32 %status, 0
  br i1 %negative, label %leave, label %guard
guard:
  %wide = zext i32 %status to i64
  %index = sub i64 %wide, 2
  %guards = get i64, %plan Plan.misses
  %exists = icmp ult i64 %index, %guards
  br i1 %exists, label %missed, label %bail
missed:
  %misses = get ptr, %plan Plan.miss_objects
  %miss_at = getelementptr ptr, ptr %misses, i64 %index
  %miss = load ptr, ptr %miss_at
  call void @Py_IncRef(ptr %miss)
  br label %succeed
succeed:
  %answer = phi ptr [ %tuple, %build ], [ %miss, %missed ]
  set i64 0, %plan Plan.fallen at never_fell
  set i64 $FIRST_PAUSE, %plan Plan.pause at short_pause
  br label %leave
leave:
  %found = phi ptr [ null, %read ], [ null, %make ], [ null, %ask ], [ null, %opposed ], [ null, %results ],
    [ null, %unusual ], [ %answer, %succeed ]
  call void @finish(ptr %plan, ptr %raw, ptr %made, i64 %both)
  ret ptr %found
bail:
  call void @finish(ptr %plan, ptr %raw, ptr %made, i64 %both)
  %bailed = call ptr @fall(ptr %plan, ptr %args, i64 %count, i64 $BAIL)
  ret ptr %bailed
alarm:
  call void @finish(ptr %plan, ptr %raw, ptr %made, i64 %both)
  %alarmed = call ptr @fall(ptr %plan, ptr %args, i64 %count, i64 $ALARM)
  ret ptr %alarmed
mismatch:
  %mismatched = call ptr @fall(ptr %plan, ptr %args, i64 %count, i64 $MISMATCH)
  ret ptr %mismatched
}
"""
