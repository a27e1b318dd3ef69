/* Fast lanes of SessionRefRegistry: get, [], insert, release and its end, where nothing is out of the ordinary.

Each lane handles the one case that runs most, and hands every other one, from a missing ref to an odd
argument, to the Python method that it stands before. So the methods in Python say what happens; a lane
only may not differ from them. The objects are those of the Python classes: install() asks their
__slots__ where in an object each of them lies. No lane runs foreign code while something is half done. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include "text.h"

#ifdef Py_GIL_DISABLED
#error "the lanes lean on the interpreter lock"
#endif

#define SLOT(object, at) (*(PyObject **)((char *)(object) + (at)))

static struct {
    Py_ssize_t refs, room, gone, latest, book, parent, closed;   /* of a registry */
    Py_ssize_t id, info, value, entry;                           /* of a key */
    Py_ssize_t born, code, offset, lifetime, finalizer;     /* of an entry */
    Py_ssize_t call, generation, sharers;                        /* of a finalizer */
} at;
static PyTypeObject *key_type, *entry_type, *finalizer_type;
static PyObject *plain_entry, *entry_slots;                      /* what a new entry is a copy of, and the names of its slots */
static PyObject *fresh_ids, *tick, *duty, *shut, *finalize_globals;
static PyObject *class_info, *deque_append, *note_error, *outcome_type;
static PyObject *slow_get, *slow_getitem, *slow_insert, *slow_release, *slow_finish, *slow_end_with;
static PyObject *text_released, *text_ended, *text_confirm, *text_insert, *text_finalizer, *text_generation, *text_put_off;
static PyObject *text_class, *plain_class, *nothing;

static double
now(void)
{
#if PY_VERSION_HEX >= 0x030D0000
    PyTime_t nanoseconds;
    (void)PyTime_MonotonicRaw(&nanoseconds);
#else
    _PyTime_t nanoseconds = _PyTime_GetMonotonicClock();
#endif
    return (double)nanoseconds * 1e-9;
}

static PyObject *
call_slow(PyObject *method, PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    PyObject *bound = PyMethod_New(method, self);
    if (bound == NULL)
        return NULL;
    PyObject *result = PyObject_Vectorcall(bound, args, count, names);
    Py_DECREF(bound);
    return result;
}

/* The home key of a key, borrowed; NULL where there is none, or something is out of the ordinary. */
static PyObject *
home_of(PyObject *self, PyObject *key)
{
    PyObject *refs = SLOT(self, at.refs);
    if (Py_TYPE(key) != key_type || SLOT(key, at.id) == NULL || refs == NULL || !PyDict_CheckExact(refs))
        return NULL;
    PyObject *ref = PyDict_GetItemWithError(refs, SLOT(key, at.id));
    return ref != NULL && Py_TYPE(ref) == key_type ? ref : NULL;
}

/* What isinstance takes for a key, or for the hint that is asked for instead of the key's. */
static PyObject *
info_of(PyObject *key, PyObject *hint)
{
    return hint == NULL ? Py_XNewRef(SLOT(key, at.info)) : PyObject_CallOneArg(class_info, hint);
}

/* The value of a key, checked; NULL where the slow method has to tell why not, or with an error that is no Exception. */
static PyObject *
look_up(PyObject *self, PyObject *key, PyObject *hint)
{
    PyObject *ref = home_of(self, key), *value = ref == NULL ? NULL : Py_XNewRef(SLOT(ref, at.value));
    PyObject *info = value == NULL ? NULL : info_of(key, hint);
    int fits = info == NULL ? -1 : PyObject_IsInstance(value, info);
    Py_XDECREF(info);
    if (fits == 1)
        return value;
    Py_XDECREF(value);
    if (PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_Exception))
        PyErr_Clear();
    return NULL;
}

static PyObject *
get(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    if (names == NULL && (count == 1 || count == 2)) {
        PyObject *value = look_up(self, args[0], count == 2 ? args[1] : NULL);
        if (value != NULL || PyErr_Occurred())
            return value;
    }
    return call_slow(slow_get, self, args, count, names);
}

static PyObject *
getitem(PyObject *self, PyObject *key)
{
    PyObject *value = look_up(self, key, NULL);
    return value != NULL || PyErr_Occurred() ? value : call_slow(slow_getitem, self, &key, 1, NULL);
}

/* A plain entry of a place and a moment. */
static PyObject *
new_entry(double born, PyObject *code, int offset)
{
    PyObject *when = PyFloat_FromDouble(born), *where = PyLong_FromLong(offset);
    PyObject *entry = when == NULL || where == NULL ? NULL : entry_type->tp_alloc(entry_type, 0);
    if (entry == NULL) {
        Py_XDECREF(when);
        Py_XDECREF(where);
        return NULL;
    }
    for (Py_ssize_t each = 0; each < Py_SIZE(entry_slots); each++) {
        Py_ssize_t slot = PyLong_AsSsize_t(PyTuple_GET_ITEM(entry_slots, each));
        SLOT(entry, slot) = Py_NewRef(SLOT(plain_entry, slot));
    }
    Py_SETREF(SLOT(entry, at.born), when);
    Py_SETREF(SLOT(entry, at.code), Py_NewRef(code));
    Py_SETREF(SLOT(entry, at.offset), where);
    return entry;
}

/* The entry of an insert here and now. The plain inserts of one place share one within a tick. */
static PyObject *
entry_here(PyObject *self, int is_shared)
{
    PyFrameObject *frame = PyEval_GetFrame();
    PyObject *code = (PyObject *)PyFrame_GetCode(frame), *entry = is_shared ? SLOT(self, at.latest) : Py_None;
    int offset = PyFrame_GetLasti(frame);
    double born = now();
    if (Py_TYPE(entry) == entry_type && SLOT(entry, at.code) == code && PyLong_AsLong(SLOT(entry, at.offset)) == offset &&
        born - PyFloat_AS_DOUBLE(SLOT(entry, at.born)) <= PyFloat_AS_DOUBLE(tick)) {
        Py_INCREF(entry);
    } else if ((entry = new_entry(born, code, offset)) != NULL && is_shared) {
        Py_XSETREF(SLOT(self, at.latest), Py_NewRef(entry));
    }
    Py_DECREF(code);
    return entry;
}

/* How many forks lie between this process and the one that imported liveref, borrowed. */
static PyObject *
generation(void)
{
    return PyDict_GetItemWithError(finalize_globals, text_generation);
}

/* The finalizer of one ref. */
static PyObject *
new_finalizer(PyObject *call, PyObject *id)
{
    PyObject *sharers = PyDict_New(), *finalizer = NULL, *made = generation();
    if (sharers != NULL && made != NULL && PyDict_SetItem(sharers, duty, Py_True) == 0 && PyDict_SetItem(sharers, id, Py_True) == 0)
        finalizer = finalizer_type->tp_alloc(finalizer_type, 0);
    if (finalizer == NULL) {
        Py_XDECREF(sharers);
        return NULL;
    }
    SLOT(finalizer, at.call) = Py_NewRef(call);
    SLOT(finalizer, at.generation) = Py_NewRef(made);
    SLOT(finalizer, at.sharers) = sharers;
    return finalizer;
}

/* Whether a function can have no attribute that says that it is abstract. */
static int
is_concrete(PyObject *call)
{
    if (PyMethod_Check(call))
        call = PyMethod_GET_FUNCTION(call);
    return (PyFunction_Check(call) && ((PyFunctionObject *)call)->func_dict == NULL) || PyCFunction_CheckExact(call) ||
           Py_IS_TYPE(call, &PyMethodDescr_Type);
}

/* The last item of a list that has one. The list keeps its memory: what is appended next needs it again. */
static PyObject *
pop(PyObject *list)
{
    Py_ssize_t last = PyList_GET_SIZE(list) - 1;
    PyObject *item = PyList_GET_ITEM(list, last);
    Py_SET_SIZE(list, last);
    return item;
}

static int
has_items(PyObject *list)
{
    return list != NULL && PyList_CheckExact(list) && PyList_GET_SIZE(list) > 0;
}

/* A key with all that belongs to a ref of this value. */
static PyObject *
new_key(PyObject *id, PyObject *entry, PyObject *value)
{
    PyObject *key = key_type->tp_alloc(key_type, 0);
    if (key != NULL) {
        SLOT(key, at.id) = Py_NewRef(id);
        SLOT(key, at.info) = Py_NewRef((PyObject *)Py_TYPE(value));
        SLOT(key, at.value) = Py_NewRef(value);
        SLOT(key, at.entry) = Py_NewRef(entry);
    }
    return key;
}

/* How many refs more there may be; none where that is out of the ordinary. */
static Py_ssize_t
room_in(PyObject *self)
{
    PyObject *room = SLOT(self, at.room);
    return room == NULL ? 0 : PyLong_AsLong(room) - PyDict_GET_SIZE(SLOT(self, at.refs));
}

/* Whether an object can't say that it is of another class than its type, as proxies and mocks do. */
static int
is_of_its_type(PyObject *value)
{
    return Py_TYPE(value)->tp_getattro == PyObject_GenericGetAttr && _PyType_Lookup(Py_TYPE(value), text_class) == plain_class;
}

/* Give a new entry the finalizer of the ref with this id; whether there is none, or it has it. */
static int
has_its_finalizer(PyObject *entry, PyObject *call, PyObject *id)
{
    PyObject *finalizer = call == Py_None ? NULL : new_finalizer(call, id);
    if (finalizer != NULL)
        Py_SETREF(SLOT(entry, at.finalizer), finalizer);
    return call == Py_None || finalizer != NULL;
}

static PyObject *
keep(PyObject *self, PyObject *value, PyObject *entry, PyObject *call)
{
    PyObject *id = pop(fresh_ids), *key = has_its_finalizer(entry, call, id) ? new_key(id, entry, value) : NULL;
    if (key != NULL && PyDict_SetItem(SLOT(self, at.refs), id, key) < 0)
        Py_CLEAR(key);
    if (key != NULL && room_in(self) < 0) {
        PyObject *done = PyObject_CallMethodObjArgs(self, text_confirm, key, text_insert, NULL);
        if (done == NULL)
            Py_CLEAR(key);
        Py_XDECREF(done);
    }
    Py_DECREF(id);
    return key;
}

/* The finalizer that is given besides the value, borrowed; None where nothing is, NULL where anything else is. */
static PyObject *
only_finalizer(PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    if (count != 1 || (names != NULL && (PyTuple_GET_SIZE(names) != 1 || PyTuple_GET_ITEM(names, 0) != text_finalizer)))
        return NULL;
    return names == NULL ? Py_None : args[1] == Py_None || is_concrete(args[1]) ? args[1] : NULL;
}

static PyObject *
insert(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    PyObject *refs = SLOT(self, at.refs), *call = only_finalizer(args, count, names), *entry, *key;
    if (call == NULL || refs == NULL || !PyDict_CheckExact(refs) || PyEval_GetFrame() == NULL || !is_of_its_type(args[0]))
        return call_slow(slow_insert, self, args, count, names);
    if ((entry = entry_here(self, call == Py_None)) == NULL)
        return NULL;
    if (room_in(self) > 0 && has_items(fresh_ids))
        key = keep(self, args[0], entry, call);
    else
        key = call_slow(slow_insert, self, args, count, names);
    Py_DECREF(entry);
    return key;
}

/* What is noted of a departure. */
static PyObject *
record_of(PyObject *key, PyObject *how)
{
    PyObject *when = PyFloat_FromDouble(now()), *record = when == NULL ? NULL : PyTuple_New(3);
    if (record == NULL) {
        Py_XDECREF(when);
        return NULL;
    }
    PyTuple_SET_ITEM(record, 0, Py_NewRef(SLOT(key, at.id)));
    PyTuple_SET_ITEM(record, 1, Py_NewRef(how));
    PyTuple_SET_ITEM(record, 2, when);
    return record;
}

/* The home key of a key, borrowed, if to release it takes no more than to forget it. */
static PyObject *
plain_home_of(PyObject *self, PyObject *key)
{
    PyObject *ref = home_of(self, key);
    PyObject *entry = ref == NULL || SLOT(ref, at.value) == NULL ? NULL : SLOT(ref, at.entry);
    return entry != NULL && Py_TYPE(entry) == entry_type && SLOT(entry, at.finalizer) == Py_None ? ref : NULL;
}

/* Note that a ref goes and forget it; its value, NULL with an error. */
static PyObject *
forget(PyObject *self, PyObject *ref, PyObject *record)
{
    PyObject *args[] = {SLOT(self, at.gone), record}, *done = PyObject_Vectorcall(deque_append, args, 2, NULL);
    if (done == NULL || PyDict_DelItem(SLOT(self, at.refs), SLOT(ref, at.id)) < 0) {
        Py_XDECREF(done);
        return NULL;
    }
    Py_DECREF(done);
    PyObject *value = SLOT(ref, at.value);
    SLOT(ref, at.value) = NULL;
    return value;
}

static PyObject *
release(PyObject *self, PyObject *key)
{
    int is_key = Py_TYPE(key) == key_type && SLOT(key, at.id) != NULL;
    PyObject *record = is_key ? record_of(key, text_released) : NULL;  /* first, for it may run the garbage collector */
    PyObject *ref = record == NULL ? NULL : Py_XNewRef(plain_home_of(self, key));
    if (ref == NULL) {
        Py_XDECREF(record);
        return PyErr_Occurred() ? NULL : call_slow(slow_release, self, &key, 1, NULL);
    }
    PyObject *value = forget(self, ref, record);
    Py_DECREF(ref);
    Py_DECREF(record);
    if (value == NULL)
        return NULL;
    Py_DECREF(value);
    Py_RETURN_TRUE;
}

/* Whether to end a ref takes no more than to call its finalizer, if it has one, which no other ref shares.
   In a registry without a book none has a guard. */
static int
is_ordinary(PyObject *ref)
{
    PyObject *entry = SLOT(ref, at.value) == NULL ? NULL : SLOT(ref, at.entry);
    if (entry == NULL || Py_TYPE(entry) != entry_type || SLOT(entry, at.lifetime) != SLOT(plain_entry, at.lifetime))
        return 0;
    PyObject *finalizer = SLOT(entry, at.finalizer);
    if (finalizer == Py_None)
        return 1;
    PyObject *sharers = Py_TYPE(finalizer) == finalizer_type ? SLOT(finalizer, at.sharers) : NULL;
    return sharers != NULL && SLOT(finalizer, at.generation) == generation() && PyDict_GET_SIZE(sharers) == 2 &&
           PyDict_Contains(sharers, duty) == 1 && PyDict_Contains(sharers, SLOT(ref, at.id)) == 1;
}

/* Leave it to the Python to await what a finalizer returned: 0 where that is known now. */
static int
put_off(PyObject *self, PyObject *ref, PyObject *result)
{
    PyObject *held = PyList_New(1), *done = NULL, *type, *error, *traceback;
    if (held == NULL)
        return -1;
    PyList_SET_ITEM(held, 0, Py_NewRef(result));
    if ((done = PyObject_CallMethodObjArgs(self, text_put_off, ref, held, NULL)) == NULL) {  /* a Ctrl-C: once more */
        PyErr_Fetch(&type, &error, &traceback);
        Py_XDECREF(PyObject_CallMethodObjArgs(self, text_put_off, ref, held, NULL));
        PyErr_Restore(type, error, traceback);
    }
    Py_DECREF(held);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* What the end of a session comes to: made where there is something to note. */
typedef struct {
    PyObject *leaving;  /* the exception that leaves the body, or None; borrowed */
    PyObject *outcome;  /* NULL as long as there is none; owned */
} Coming;

/* Note what a finalizer raised. */
static int
note(PyObject *ref, Coming *coming)
{
    PyObject *type, *error, *traceback, *done = NULL;
    PyErr_Fetch(&type, &error, &traceback);
    PyErr_NormalizeException(&type, &error, &traceback);
    if (traceback != NULL)
        PyException_SetTraceback(error, traceback);
    if (coming->outcome == NULL)
        coming->outcome = PyObject_CallOneArg(outcome_type, coming->leaving);
    if (coming->outcome != NULL)
        done = PyObject_CallFunctionObjArgs(note_error, error, ref, coming->outcome, NULL);
    Py_XDECREF(type);
    Py_XDECREF(error);
    Py_XDECREF(traceback);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* Call a finalizer: 0 where that is all; 1 where the Python has to go on; -1 with an error from outside. */
static int
close_value(PyObject *self, PyObject *ref, PyObject *call, PyObject *value, Coming *coming)
{
    PyObject *result = PyObject_CallOneArg(call, value);
    int failed = result == NULL ? note(ref, coming) : result == Py_None ? 0 : put_off(self, ref, result);
    int goes_on = result != NULL && result != Py_None;
    Py_XDECREF(result);
    return failed ? -1 : goes_on;
}

/* End an ordinary ref; as close_value() says. */
static int
end(PyObject *self, PyObject *ref, Coming *coming)
{
    PyObject *record = record_of(ref, text_ended);  /* first, for it may run the garbage collector */
    if (record == NULL || PyDict_GetItemWithError(SLOT(self, at.refs), SLOT(ref, at.id)) != ref || !is_ordinary(ref)) {
        Py_XDECREF(record);
        return PyErr_Occurred() ? -1 : 1;
    }
    PyObject *finalizer = Py_NewRef(SLOT(SLOT(ref, at.entry), at.finalizer)), *value = forget(self, ref, record);
    int is_open = value == NULL ? -1 : 0;
    if (value != NULL && finalizer != Py_None) {
        PyDict_Clear(SLOT(finalizer, at.sharers));
        is_open = close_value(self, ref, SLOT(finalizer, at.call), value, coming);
    }
    Py_DECREF(finalizer);
    Py_DECREF(record);
    Py_XDECREF(value);
    return is_open;
}

/* End the refs of a session, the last first, as long as they are ordinary: 0 where those were all, 1 where the Python has
   to go on, -1 with an error from outside. An isolated child hands others to its parent first: if it has any, all are
   left to the Python. */
static int
end_all(PyObject *self, Coming *coming)
{
    PyObject *refs = SLOT(self, at.refs), *ending;
    if (refs == NULL || !PyDict_CheckExact(refs) || SLOT(self, at.book) != Py_None)
        return 1;
    if ((ending = PyDict_Values(refs)) == NULL)
        return -1;
    int is_open = 0;
    if (SLOT(self, at.parent) != Py_None)
        for (Py_ssize_t each = 0; each < PyList_GET_SIZE(ending); each++)
            is_open |= !is_ordinary(PyList_GET_ITEM(ending, each));
    for (Py_ssize_t each = PyList_GET_SIZE(ending) - 1; each >= 0 && is_open == 0; each--)
        is_open = end(self, PyList_GET_ITEM(ending, each), coming);
    Py_DECREF(ending);
    return is_open;
}

static PyObject *
finish(PyObject *self, PyObject *outcome)
{
    Coming coming = {Py_None, Py_NewRef(outcome)};
    int is_open = end_all(self, &coming);
    PyObject *steps = is_open < 0 ? NULL : is_open ? call_slow(slow_finish, self, &outcome, 1, NULL) : PyObject_GetIter(nothing);
    Py_DECREF(coming.outcome);
    return steps;
}

static PyObject *
end_with(PyObject *self, PyObject *error)
{
    Coming coming = {error, NULL};
    Py_XSETREF(SLOT(self, at.closed), Py_NewRef(Py_True));
    Py_XSETREF(SLOT(self, at.room), Py_NewRef(shut));
    int is_open = end_all(self, &coming);
    if (is_open == 0 && coming.outcome == NULL)
        Py_RETURN_FALSE;
    PyObject *args[] = {error, coming.outcome};
    PyObject *swallows = is_open < 0 ? NULL : call_slow(slow_end_with, self, args, coming.outcome == NULL ? 1 : 2, NULL);
    Py_XDECREF(coming.outcome);
    return swallows;
}

/* Their docs are the signatures, until stand_before() adds the words: ... is a default that no literal can say. */
static PyMethodDef lanes[] = {
    {"get", (PyCFunction)(void (*)(void))get, METH_FASTCALL | METH_KEYWORDS, "get($self, key, hint=..., default=...)"},
    {"__getitem__", getitem, METH_O, "__getitem__($self, key, /)"},
    {"insert", (PyCFunction)(void (*)(void))insert, METH_FASTCALL | METH_KEYWORDS,
     "insert($self, value, hint=..., *, lifetime=..., finalizer=None, reopen=None, ttl=..., idle=..., owner=...)"},
    {"release", release, METH_O, "release($self, key, /)"},
    {"_finish", finish, METH_O, "_finish($self, outcome, /)"},
    {"_end_with", end_with, METH_O, "_end_with($self, error, /)"},
};

/* Where a slot of a class lies; -1 with an error where the class has no such slot. */
static Py_ssize_t
slot_of(PyObject *cls, const char *name)
{
    Py_ssize_t offset = -1;
    PyObject *member = PyObject_GetAttrString(cls, name);
    if (member != NULL && Py_TYPE(member) == &PyMemberDescr_Type)
        offset = ((PyMemberDescrObject *)member)->d_member->offset;
    else if (member != NULL)
        PyErr_Format(PyExc_TypeError, "%R has no slot %s", cls, name);
    Py_XDECREF(member);
    return offset;
}

/* The doc of a lane: its signature as inspect reads it, and the words of the method. It is never given back. */
static const char *
doc_of(PyMethodDef *lane, PyObject *method)
{
    PyObject *words = PyObject_GetAttrString(method, "__doc__"), *doc = NULL;
    if (words != NULL)
        doc = PyUnicode_FromFormat("%s\n--\n\n%S", lane->ml_doc, words);
    Py_XDECREF(words);
    return doc == NULL ? NULL : PyUnicode_AsUTF8(doc);
}

/* Stand before a method of the class; the method that it stands before, NULL with an error. */
static PyObject *
stand_before(PyObject *cls, PyMethodDef *lane)
{
    PyObject *method = PyObject_GetAttrString(cls, lane->ml_name);
    if (method == NULL)
        return NULL;
    if ((lane->ml_doc = doc_of(lane, method)) == NULL) {
        Py_DECREF(method);
        return NULL;
    }
    PyObject *descriptor = PyDescr_NewMethod((PyTypeObject *)cls, lane);
    if (descriptor == NULL || PyObject_SetAttrString(cls, lane->ml_name, descriptor) < 0)
        Py_CLEAR(method);
    Py_XDECREF(descriptor);
    return method;
}

/* Where the slots of a class lie that it names itself, as a tuple of ints; NULL with an error. */
static PyObject *
slots_of(PyObject *cls)
{
    PyObject *names = PyObject_GetAttrString(cls, "__slots__"), *slots = names == NULL ? NULL : PySequence_List(names);
    for (Py_ssize_t each = 0; slots != NULL && each < PyList_GET_SIZE(slots); each++) {
        const char *name = PyUnicode_AsUTF8(PyList_GET_ITEM(slots, each));
        Py_ssize_t slot = name == NULL ? -1 : slot_of(cls, name);
        PyObject *number = slot < 0 ? NULL : PyLong_FromSsize_t(slot);
        if (number == NULL)
            Py_CLEAR(slots);
        else
            PyList_SetItem(slots, each, number);
    }
    Py_XDECREF(names);
    PyObject *found = slots == NULL ? NULL : PyList_AsTuple(slots);
    Py_XDECREF(slots);
    return found;
}

static PyObject *
install(PyObject *module, PyObject *args)
{
    PyObject *registry, *key, *finalizer, *entry;
    if (key_type != NULL)
        Py_RETURN_NONE;  /* they stand before another copy of liveref; this one does without */
    if (!PyArg_ParseTuple(args, "OOOOOOOOOOOOO", &registry, &key, &finalizer, &plain_entry, &outcome_type, &fresh_ids, &tick,
                          &duty, &shut, &finalize_globals, &class_info, &deque_append, &note_error))
        return NULL;
    entry = (PyObject *)Py_TYPE(plain_entry);
    struct { PyObject *cls; const char *name; Py_ssize_t *offset; } slots[] = {
        {registry, "_refs", &at.refs}, {registry, "_room", &at.room}, {registry, "_gone", &at.gone},
        {registry, "_latest", &at.latest}, {registry, "_book", &at.book}, {registry, "_parent", &at.parent},
        {registry, "_closed", &at.closed},
        {key, "_id", &at.id}, {key, "_info", &at.info}, {key, "_value", &at.value}, {key, "_entry", &at.entry},
        {entry, "born", &at.born}, {entry, "code", &at.code}, {entry, "offset", &at.offset},
        {entry, "lifetime", &at.lifetime}, {entry, "finalizer", &at.finalizer},
        {finalizer, "call", &at.call}, {finalizer, "_generation", &at.generation}, {finalizer, "_sharers", &at.sharers},
    };
    for (size_t each = 0; each < Py_ARRAY_LENGTH(slots); each++)
        if ((*slots[each].offset = slot_of(slots[each].cls, slots[each].name)) < 0)
            return NULL;
    if ((entry_slots = slots_of(entry)) == NULL)
        return NULL;
    PyObject *kept[] = {key, finalizer, entry, plain_entry, outcome_type, fresh_ids, tick, duty, shut, finalize_globals,
                        class_info, deque_append, note_error};
    for (size_t each = 0; each < Py_ARRAY_LENGTH(kept); each++)
        Py_INCREF(kept[each]);
    key_type = (PyTypeObject *)key;
    entry_type = (PyTypeObject *)entry;
    finalizer_type = (PyTypeObject *)finalizer;
    PyObject **slow[] = {&slow_get, &slow_getitem, &slow_insert, &slow_release, &slow_finish, &slow_end_with};
    for (size_t each = 0; each < Py_ARRAY_LENGTH(slow); each++)
        if ((*slow[each] = stand_before(registry, &lanes[each])) == NULL)
            return NULL;
    ((PyHeapTypeObject *)registry)->as_mapping.mp_subscript = getitem;  /* else [] looks the method up each time */
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"install", install, METH_VARARGS,
     "install($module, registry, key, finalizer, entry, outcome, fresh_ids, tick, duty, shut, finalize, class_info, append, note, /)\n--\n\n"
     "Stand before the methods of a registry class."},
    {"text_of", liveref_text_of, METH_O, "text_of($module, uid, /)\n--\n\nThe canonical text of 16 bytes."},
    {"uid_of", liveref_uid_of, METH_O, "uid_of($module, text, /)\n--\n\nThe 16 bytes of a canonical UUID; None of any other text."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "liveref._clanes", "The fast lanes of SessionRefRegistry.", -1, functions,
};

PyMODINIT_FUNC
PyInit__clanes(void)
{
    struct { PyObject **text; const char *is; } texts[] = {
        {&text_released, "released"}, {&text_ended, "session ended"}, {&text_confirm, "_confirm"}, {&text_insert, "insert"},
        {&text_finalizer, "finalizer"}, {&text_generation, "_generation"}, {&text_put_off, "_put_off"},
        {&text_class, "__class__"},
    };
    for (size_t each = 0; each < Py_ARRAY_LENGTH(texts); each++)
        if ((*texts[each].text = PyUnicode_InternFromString(texts[each].is)) == NULL)
            return NULL;
    if ((nothing = PyTuple_New(0)) == NULL)
        return NULL;
    plain_class = _PyType_Lookup(&PyBaseObject_Type, text_class);
    return PyModule_Create(&module);
}
