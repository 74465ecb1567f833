"""LLVM text that turns Python's objects into a kernel's slots, and what it computed into objects.

It is written as `entry_layout.expanded` reads it. Imports nothing.

>>> "PyArray_NewFromDescr" in CONVERSIONS
True
"""

_INPUTS = """
; Whether an array has the shape and the dtype of a record.
define internal i1 @matches(ptr %array, ptr %record) {
start:
  %ndim = get i32, %array Array.ndim
  %expected = get i64, %record Record.ndim
  %rank = zext i32 %ndim to i64
  %ranked = icmp eq i64 %rank, %expected
  br i1 %ranked, label %typed, label %no
typed:
  %shape = get ptr, %array Array.shape
  %lengths = get ptr, %record Record.shape
  %descr = get ptr, %array Array.descr
  %wanted = get ptr, %record Record.descr
  %same = icmp eq ptr %descr, %wanted
  br i1 %same, label %head, label %ask
ask: ; an equal dtype may be another object, such as that of an array that was pickled
  %answer = call i8 @PyArray_EquivTypes(ptr %descr, ptr %wanted)
  %equal = icmp ne i8 %answer, 0
  br i1 %equal, label %head, label %no
head:
  %axis = phi i64 [ 0, %typed ], [ 0, %ask ], [ %next, %body ]
  %more = icmp ult i64 %axis, %expected
  br i1 %more, label %body, label %yes
body:
  %length_at = getelementptr i64, ptr %shape, i64 %axis
  %length = load i64, ptr %length_at
  %other_at = getelementptr i64, ptr %lengths, i64 %axis
  %other = load i64, ptr %other_at
  %long = icmp eq i64 %length, %other
  %next = add i64 %axis, 1
  br i1 %long, label %head, label %no
yes:
  ret i1 true
no:
  ret i1 false
}

; The data of an array in C's order: its own, or that of a copy; null where there is no memory for one.
define internal ptr @data(ptr %array, ptr %made) {
  %flags = get i32, %array Array.flags
  %set = and i32 %flags, $PLAIN
  %plain = icmp eq i32 %set, $PLAIN
  br i1 %plain, label %own, label %other
own:
  %data = get ptr, %array Array.data
  ret ptr %data
other:
  %copy = call ptr @PyArray_NewCopy(ptr %array, i32 0)
  store ptr %copy, ptr %made
  %failed = icmp eq ptr %copy, null
  br i1 %failed, label %nothing, label %copied
copied:
  %copied_data = get ptr, %copy Array.data
  ret ptr %copied_data
nothing:
  ret ptr null
}

; Fill the slots of the inputs: 0, or 1 where an argument is of another type, or 2 with an exception.
define internal i32 @read_inputs(ptr %plan, ptr %args, ptr %slots, ptr %made, ptr %cells) {
start:
  %overflow = alloca i32
  %count = get i64, %plan Plan.inputs
  %records = get ptr, %plan Plan.input_records
  br label %head
head:
  %i = phi i64 [ 0, %start ], [ %next, %store ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %body, label %all
body:
  %object_at = getelementptr ptr, ptr %args, i64 %i
  %object = load ptr, ptr %object_at
  %record = getelementptr [$RECORD_SIZE x i8], ptr %records, i64 %i
  %kind = get i64, %record Record.kind
  %type = get ptr, %object Object.type
  %wanted = get ptr, %record Record.type
  %cell = getelementptr [16 x i8], ptr %cells, i64 %i
  %same = icmp eq ptr %type, %wanted
  br i1 %same, label %known, label %mismatch
known:
  switch i64 %kind, label %scalar [ i64 $ARRAY, label %array i64 $INT, label %int i64 $BOOL, label %bool ]
scalar: ; NumPy's scalars, float and complex hold their value right behind the head
  %value = at %object Object.value
  br label %store
array:
  %fits = call i1 @matches(ptr %object, ptr %record)
  br i1 %fits, label %fit, label %mismatch
fit:
  %made_at = getelementptr ptr, ptr %made, i64 %i
  %data = call ptr @data(ptr %object, ptr %made_at)
  %failed = icmp eq ptr %data, null
  br i1 %failed, label %exception, label %store
int:
  %integer = call i64 @PyLong_AsLongLongAndOverflow(ptr %object, ptr %overflow)
  store i64 %integer, ptr %cell
  %over = load i32, ptr %overflow
  %small = icmp eq i32 %over, 0
  br i1 %small, label %store, label %mismatch
bool:
  %true = get ptr, %plan Plan.true
  %truth = icmp eq ptr %object, %true
  %byte = zext i1 %truth to i8
  store i8 %byte, ptr %cell
  br label %store
store:
  %pointer = phi ptr [ %value, %scalar ], [ %data, %fit ], [ %cell, %int ], [ %cell, %bool ]
  %slot = getelementptr ptr, ptr %slots, i64 %i
  store ptr %pointer, ptr %slot
  %next = add i64 %i, 1
  br label %head
all:
  ret i32 0
mismatch:
  ret i32 1
exception:
  ret i32 2
}
"""

_OUTPUTS = """
; Fill the slots of the outputs, with new arrays and cells; false with an exception.
define internal i1 @make_outputs(ptr %plan, ptr %slots, ptr %made, ptr %cells) {
start:
  %count = get i64, %plan Plan.outputs
  %records = get ptr, %plan Plan.output_records
  br label %head
head:
  %i = phi i64 [ 0, %start ], [ %next, %store ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %body, label %all
body:
  %record = getelementptr [$RECORD_SIZE x i8], ptr %records, i64 %i
  %kind = get i64, %record Record.kind
  %cell = getelementptr [16 x i8], ptr %cells, i64 %i
  %is_array = icmp eq i64 %kind, $ARRAY
  br i1 %is_array, label %array, label %store
array:
  %type = get ptr, %record Record.type
  %descr = get ptr, %record Record.descr
  %rank = get i64, %record Record.ndim
  %shape = get ptr, %record Record.shape
  %ndim = trunc i64 %rank to i32
  call void @Py_IncRef(ptr %descr)
  %new = call ptr @PyArray_NewFromDescr(
    ptr %type, ptr %descr, i32 %ndim, ptr %shape, ptr null, ptr null, i32 0, ptr null)
  %failed = icmp eq ptr %new, null
  br i1 %failed, label %exception, label %made_one
made_one:
  %made_at = getelementptr ptr, ptr %made, i64 %i
  store ptr %new, ptr %made_at
  %data = get ptr, %new Array.data
  br label %store
store:
  %pointer = phi ptr [ %cell, %body ], [ %data, %made_one ]
  %slot = getelementptr ptr, ptr %slots, i64 %i
  store ptr %pointer, ptr %slot
  %next = add i64 %i, 1
  br label %head
all:
  ret i1 true
exception:
  ret i1 false
}

; The object of the number in a cell.
define internal ptr @number(ptr %record, ptr %cell) {
  %kind = get i64, %record Record.kind
  switch i64 %kind, label %scalar [
    i64 $FLOAT, label %float i64 $COMPLEX, label %complex i64 $INT, label %int i64 $BOOL, label %bool ]
scalar:
  %descr = get ptr, %record Record.descr
  %as_scalar = call ptr @PyArray_Scalar(ptr %cell, ptr %descr, ptr null)
  ret ptr %as_scalar
float:
  %real = load double, ptr %cell
  %as_float = call ptr @PyFloat_FromDouble(double %real)
  ret ptr %as_float
complex:
  %first = load double, ptr %cell
  %second_at = getelementptr double, ptr %cell, i64 1
  %second = load double, ptr %second_at
  %as_complex = call ptr @PyComplex_FromDoubles(double %first, double %second)
  ret ptr %as_complex
int:
  %integer = load i64, ptr %cell
  %as_int = call ptr @PyLong_FromLongLong(i64 %integer)
  ret ptr %as_int
bool:
  %byte = load i8, ptr %cell
  %long = zext i8 %byte to i64
  %as_bool = call ptr @PyBool_FromLong(i64 %long)
  ret ptr %as_bool
}

; Make objects of the numbers among the outputs; false with an exception.
define internal i1 @make_numbers(ptr %plan, ptr %made, ptr %cells) {
start:
  %count = get i64, %plan Plan.outputs
  %records = get ptr, %plan Plan.output_records
  br label %head
head:
  %i = phi i64 [ 0, %start ], [ %next, %following ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %body, label %all
body:
  %record = getelementptr [$RECORD_SIZE x i8], ptr %records, i64 %i
  %kind = get i64, %record Record.kind
  %is_array = icmp eq i64 %kind, $ARRAY
  br i1 %is_array, label %following, label %make
make:
  %cell = getelementptr [16 x i8], ptr %cells, i64 %i
  %object = call ptr @number(ptr %record, ptr %cell)
  %made_at = getelementptr ptr, ptr %made, i64 %i
  store ptr %object, ptr %made_at
  %failed = icmp eq ptr %object, null
  br i1 %failed, label %exception, label %following
following:
  %next = add i64 %i, 1
  br label %head
all:
  ret i1 true
exception:
  ret i1 false
}
"""

_RESULTS = """
; The tuple of the results; null with an exception.
define internal ptr @tuple(ptr %plan, ptr %args, ptr %outputs) {
start:
  %count = get i64, %plan Plan.results
  %records = get ptr, %plan Plan.result_records
  %tuple = call ptr @PyTuple_New(i64 %count)
  %items = getelementptr i8, ptr %tuple, i64 $ITEMS
  %failed = icmp eq ptr %tuple, null
  br i1 %failed, label %exception, label %head
head:
  %i = phi i64 [ 0, %start ], [ %next, %store ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %body, label %all
body:
  %record = getelementptr [$RESULT_SIZE x i8], ptr %records, i64 %i
  %kind = get i64, %record Result.kind
  %number = get i64, %record Result.value
  %copy = get i64, %record Result.copy
  switch i64 %kind, label %constant [ i64 $OUTPUT, label %output i64 $INPUT, label %input ]
output:
  %output_at = getelementptr ptr, ptr %outputs, i64 %number
  br label %load
input:
  %input_at = getelementptr ptr, ptr %args, i64 %number
  br label %load
constant:
  %constant_at = at %record Result.value
  br label %load
load:
  %object_at = phi ptr [ %output_at, %output ], [ %input_at, %input ], [ %constant_at, %constant ]
  %object = load ptr, ptr %object_at
  %shared = icmp eq i64 %copy, 0
  br i1 %shared, label %share, label %duplicate
share:
  call void @Py_IncRef(ptr %object)
  br label %store
duplicate:
  %new = call ptr @PyArray_NewCopy(ptr %object, i32 0)
  %lost = icmp eq ptr %new, null
  br i1 %lost, label %drop, label %store
store:
  %item = phi ptr [ %object, %share ], [ %new, %duplicate ]
  %item_at = getelementptr ptr, ptr %items, i64 %i
  store ptr %item, ptr %item_at
  %next = add i64 %i, 1
  br label %head
all:
  ret ptr %tuple
drop:
  call void @Py_DecRef(ptr %tuple)
  ret ptr null
exception:
  ret ptr null
}

; Forget the objects that a call made, and give back its block.
define internal void @finish(ptr %plan, ptr %raw, ptr %made, i64 %count) {
start:
  br label %head
head:
  %i = phi i64 [ 0, %start ], [ %next, %following ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %body, label %all
body:
  %object_at = getelementptr ptr, ptr %made, i64 %i
  %object = load ptr, ptr %object_at
  %next = add i64 %i, 1
  %nothing = icmp eq ptr %object, null
  br i1 %nothing, label %following, label %drop
drop:
  call void @Py_DecRef(ptr %object)
  br label %following
following:
  br label %head
all:
  %kept = icmp eq ptr %raw, null
  br i1 %kept, label %free, label %allocated
free:
  set i64 0, %plan Plan.busy at busy
  ret void
allocated:
  call void @PyMem_RawFree(ptr %raw)
  ret void
}
"""

CONVERSIONS = _INPUTS + _OUTPUTS + _RESULTS
