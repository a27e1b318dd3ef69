/* The canonical text of a UUID, and back: text_of and uid_of of liveref/_text/marker.py. */

#define PY_SSIZE_T_CLEAN
#include "text.h"

enum { UID_LENGTH = 16, TEXT_LENGTH = 36 };

static int
is_hyphen(Py_ssize_t at)
{
    return at == 8 || at == 13 || at == 18 || at == 23;
}

PyObject *
liveref_text_of(PyObject *module, PyObject *uid)
{
    if (!PyBytes_Check(uid) || PyBytes_GET_SIZE(uid) != UID_LENGTH)
        return PyErr_Format(PyExc_TypeError, "an id is 16 bytes");
    PyObject *text = PyUnicode_New(TEXT_LENGTH, 127);
    if (text == NULL)
        return NULL;
    const unsigned char *byte = (const unsigned char *)PyBytes_AS_STRING(uid);
    Py_UCS1 *out = PyUnicode_1BYTE_DATA(text);
    for (Py_ssize_t at = 0; at < TEXT_LENGTH;) {
        if (is_hyphen(at)) {
            out[at++] = '-';
            continue;
        }
        out[at++] = "0123456789abcdef"[*byte >> 4];
        out[at++] = "0123456789abcdef"[*byte++ & 15];
    }
    return text;
}

/* The value of a lower-case hexadecimal digit; -1 of anything else. */
static int
value_of(Py_UCS1 character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    return character >= 'a' && character <= 'f' ? character - 'a' + 10 : -1;
}

PyObject *
liveref_uid_of(PyObject *module, PyObject *text)
{
    if (!PyUnicode_CheckExact(text) || PyUnicode_GET_LENGTH(text) != TEXT_LENGTH || !PyUnicode_IS_ASCII(text))
        Py_RETURN_NONE;
    const Py_UCS1 *in = PyUnicode_1BYTE_DATA(text);
    char uid[UID_LENGTH], *byte = uid;
    for (Py_ssize_t at = 0; at < TEXT_LENGTH;) {
        if (is_hyphen(at)) {
            if (in[at++] != '-')
                Py_RETURN_NONE;
            continue;
        }
        int high = value_of(in[at++]), low = value_of(in[at++]);
        if (high < 0 || low < 0)
            Py_RETURN_NONE;
        *byte++ = (char)(high << 4 | low);
    }
    return PyBytes_FromStringAndSize(uid, UID_LENGTH);
}
