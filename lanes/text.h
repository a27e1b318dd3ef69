/* The canonical text of a UUID, and back. */

#include <Python.h>

PyObject *liveref_text_of(PyObject *module, PyObject *uid);
PyObject *liveref_uid_of(PyObject *module, PyObject *text);
