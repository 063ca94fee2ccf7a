"""Nothing that is sent is passed over in silence: a query name or a body that no route knows is refused."""

from __future__ import annotations

from fastapi import Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from fastapi.routing import APIRoute

from bioxen.errors import ValidationError, near_matches


async def nothing_unknown(request: Request) -> None:
    """Return where the route of `request` knows all of its query, and its body; a dependency of every route.

    Raises:
        ValidationError: it does not.
    """
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    if request.query_params:
        _check_query(request, route)
    headers = request.headers
    if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
        _check_body(route)


def _check_query(request: Request, route: APIRoute) -> None:
    known = _query_names(route)
    for name in request.query_params:
        if name in known:
            continue
        close = near_matches(name, known)
        named = f"Did you mean {', '.join(close)}?" if close else f"It knows {', '.join(known) or 'none'}."
        raise ValidationError(
            f"{name}: there is no such query parameter.",
            details={"place": name, "remedy": named, "near_matches": close},
        )


def _query_names(route: APIRoute) -> list[str]:
    return [field.alias for field in get_flat_params(route.dependant) if isinstance(field.field_info, Query)]


def _check_body(route: APIRoute) -> None:
    reads_itself = route.dependant.request_param_name is not None
    if route.body_field is None and not reads_itself:
        names = ", ".join(_query_names(route))
        remedy = f"Give {names} in the query." if names else "Send none."
        raise ValidationError("This path takes no body.", details={"place": "the body", "remedy": remedy})
