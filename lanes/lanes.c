/* Fast lanes of SessionRefRegistry: get, [], insert and release, where nothing is out of the ordinary.

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
    Py_ssize_t refs, room, gone, latest;              /* of a registry */
    Py_ssize_t id, info, value, entry;                /* of a key */
    Py_ssize_t born, code, offset, finalizer;         /* of an entry */
} at;
static PyTypeObject *key_type, *entry_type;
static PyObject *fresh_ids, *tick, *class_info;
static PyObject *slow_get, *slow_getitem, *slow_insert, *slow_release;
static PyObject *deque_append, *text_released, *text_confirm, *text_insert, *text_class, *plain_class;

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

/* The entry that plain inserts of one place share within a tick; a new one of this place and moment else. */
static PyObject *
entry_here(PyObject *self)
{
    PyFrameObject *frame = PyEval_GetFrame();
    PyObject *code = (PyObject *)PyFrame_GetCode(frame), *entry = SLOT(self, at.latest);
    int offset = PyFrame_GetLasti(frame);
    double born = now();
    if (Py_TYPE(entry) == entry_type && SLOT(entry, at.code) == code && PyLong_AsLong(SLOT(entry, at.offset)) == offset &&
        born - PyFloat_AS_DOUBLE(SLOT(entry, at.born)) <= PyFloat_AS_DOUBLE(tick)) {
        Py_INCREF(entry);
    } else if ((entry = PyObject_CallFunction((PyObject *)entry_type, "dOi", born, code, offset)) != NULL) {
        Py_XSETREF(SLOT(self, at.latest), Py_NewRef(entry));
    }
    Py_DECREF(code);
    return entry;
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

static PyObject *
keep(PyObject *self, PyObject *value, PyObject *entry)
{
    PyObject *id = pop(fresh_ids), *key = new_key(id, entry, value);
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

static PyObject *
insert(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    PyObject *refs = SLOT(self, at.refs), *entry, *key;
    if (count != 1 || names != NULL || refs == NULL || !PyDict_CheckExact(refs) || PyEval_GetFrame() == NULL ||
        !is_of_its_type(args[0]))
        return call_slow(slow_insert, self, args, count, names);
    if ((entry = entry_here(self)) == NULL)
        return NULL;
    if (room_in(self) > 0 && has_items(fresh_ids))
        key = keep(self, args[0], entry);
    else
        key = call_slow(slow_insert, self, args, 1, NULL);
    Py_DECREF(entry);
    return key;
}

/* What is noted of a departure. */
static PyObject *
record_of(PyObject *key)
{
    PyObject *when = PyFloat_FromDouble(now()), *record = when == NULL ? NULL : PyTuple_New(3);
    if (record == NULL) {
        Py_XDECREF(when);
        return NULL;
    }
    PyTuple_SET_ITEM(record, 0, Py_NewRef(SLOT(key, at.id)));
    PyTuple_SET_ITEM(record, 1, Py_NewRef(text_released));
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
    PyObject *record = is_key ? record_of(key) : NULL;  /* first, for it may run the garbage collector */
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

/* Their docs are the signatures, until stand_before() adds the words: ... is a default that no literal can say. */
static PyMethodDef lanes[] = {
    {"get", (PyCFunction)(void (*)(void))get, METH_FASTCALL | METH_KEYWORDS, "get($self, key, hint=..., default=...)"},
    {"__getitem__", getitem, METH_O, "__getitem__($self, key, /)"},
    {"insert", (PyCFunction)(void (*)(void))insert, METH_FASTCALL | METH_KEYWORDS,
     "insert($self, value, hint=..., *, lifetime=..., finalizer=None, reopen=None, ttl=..., idle=..., owner=...)"},
    {"release", release, METH_O, "release($self, key, /)"},
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

static PyObject *
install(PyObject *module, PyObject *args)
{
    PyObject *registry, *key, *entry;
    if (key_type != NULL)
        Py_RETURN_NONE;  /* they stand before another copy of liveref; this one does without */
    if (!PyArg_ParseTuple(args, "OOOOOOO", &registry, &key, &entry, &fresh_ids, &tick, &class_info, &deque_append))
        return NULL;
    struct { PyObject *cls; const char *name; Py_ssize_t *offset; } slots[] = {
        {registry, "_refs", &at.refs}, {registry, "_room", &at.room}, {registry, "_gone", &at.gone},
        {registry, "_latest", &at.latest},
        {key, "_id", &at.id}, {key, "_info", &at.info}, {key, "_value", &at.value}, {key, "_entry", &at.entry},
        {entry, "born", &at.born}, {entry, "code", &at.code}, {entry, "offset", &at.offset},
        {entry, "finalizer", &at.finalizer},
    };
    for (size_t each = 0; each < Py_ARRAY_LENGTH(slots); each++)
        if ((*slots[each].offset = slot_of(slots[each].cls, slots[each].name)) < 0)
            return NULL;
    key_type = (PyTypeObject *)Py_NewRef(key);
    entry_type = (PyTypeObject *)Py_NewRef(entry);
    Py_INCREF(fresh_ids);
    Py_INCREF(tick);
    Py_INCREF(class_info);
    Py_INCREF(deque_append);
    if ((slow_get = stand_before(registry, &lanes[0])) == NULL ||
        (slow_getitem = stand_before(registry, &lanes[1])) == NULL ||
        (slow_insert = stand_before(registry, &lanes[2])) == NULL ||
        (slow_release = stand_before(registry, &lanes[3])) == NULL)
        return NULL;
    ((PyHeapTypeObject *)registry)->as_mapping.mp_subscript = getitem;  /* else [] looks the method up each time */
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"install", install, METH_VARARGS,
     "install($module, registry, key, entry, fresh_ids, tick, class_info, append, /)\n--\n\n"
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
    text_released = PyUnicode_InternFromString("released");
    text_confirm = PyUnicode_InternFromString("_confirm");
    text_insert = PyUnicode_InternFromString("insert");
    text_class = PyUnicode_InternFromString("__class__");
    if (text_released == NULL || text_confirm == NULL || text_insert == NULL || text_class == NULL)
        return NULL;
    plain_class = _PyType_Lookup(&PyBaseObject_Type, text_class);
    return PyModule_Create(&module);
}
