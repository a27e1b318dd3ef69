from liveref._engine.base import RefEngine as RefEngine
from liveref._engine.local import LocalEngine as LocalEngine
from liveref._engine.refs import EngineRefs as EngineRefs, SessionRefs as SessionRefs, Whereabouts as Whereabouts
from liveref._engine.remote import RemoteSession as RemoteSession
from liveref._text.elsewhere import EngineError as EngineError, RefElsewhereError as RefElsewhereError, RefLostError as RefLostError, RefUnavailableError as RefUnavailableError, RemoteCallError as RemoteCallError, RemoteResultError as RemoteResultError
from liveref._text.route import Route as Route, route_of as route_of, routed_id as routed_id

__all__ = ['EngineError', 'EngineRefs', 'LocalEngine', 'RefElsewhereError', 'RefEngine', 'RefLostError', 'RefUnavailableError', 'RemoteCallError', 'RemoteResultError', 'RemoteSession', 'Route', 'SessionRefs', 'Whereabouts', 'route_of', 'routed_id']
