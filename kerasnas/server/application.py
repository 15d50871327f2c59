"""The application behind `kerasnas serve`, and the server that runs it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from kerasnas.errors import MissingPackageError
from kerasnas.estimators.estimator import Estimator
from kerasnas.estimators.loading import load
from kerasnas.server.description import describe
from kerasnas.server.limits import Limits
from kerasnas.server.page import form_type, page, typed
from kerasnas.server.parsing import asked
from kerasnas.server.refusal import Refusal
from kerasnas.server.served import Served, served
from kerasnas.version import __version__

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

log = logging.getLogger("kerasnas")

_PACKAGES = ("starlette", "uvicorn")
_JSON = "application/json"
_SAFE = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def create_app(model: str | Path | Estimator, limits: Limits | None = None) -> Starlette:
    """An ASGI application that answers rows of JSON, for any ASGI server.

    Args:
        model: A `.keras` file that an estimator's `save` wrote, or a fitted estimator.
        limits: How much one request may ask for.

    Returns:
        The application: `POST /predict`, a page to try a row at `/`, `/openapi.json`, `/health`
        and `/version`.

    Raises:
        ArtifactError: If the file cannot be opened, or no JSON describes the model's inputs.
        MissingPackageError: If Starlette or uvicorn is not installed.
    """
    _check_packages()
    digest = None
    if not isinstance(model, Estimator):
        estimator = load(model)
        digest = hashlib.sha256(Path(model).read_bytes()).hexdigest()
    else:
        estimator = model
    limits = limits or Limits()
    answering = served(estimator, limits)
    answering.warm_up()
    return _Service(answering, limits, digest).application()


def serve(
    model: str | Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    limits: Limits | None = None,
) -> None:
    """Answers over HTTP until it is stopped.

    Args:
        model: A `.keras` file that an estimator's `save` wrote.
        host: Address to listen at; `0.0.0.0` lets other machines in.
        port: Port to listen at.
        limits: How much one request may ask for.

    Raises:
        ArtifactError: If the file cannot be opened, or no JSON describes the model's inputs.
        MissingPackageError: If Starlette or uvicorn is not installed.
    """
    application = create_app(model, limits)
    import uvicorn

    print(f"Serving '{model}' at http://{host}:{port} (Ctrl-C stops it).")
    uvicorn.run(
        application,
        host=host,
        port=port,
        access_log=False,
        log_level="warning",
        server_header=False,
    )


class _Service:
    """The routes of one model.

    Args:
        model: Answers.
        limits: How much one request may ask for.
        digest: SHA-256 of the file of the model, where it has one.
    """

    def __init__(self, model: Served, limits: Limits, digest: str | None) -> None:
        self.model = model
        self.limits = limits
        self.digest = digest
        self.jobs: list[Future[Any]] = []
        # One thread: the model takes one request after the other, and has all cores for it.
        self.thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="kerasnas-answers")

    def application(self) -> Starlette:
        """The application with all routes, and a sentence for every error."""
        from starlette.applications import Starlette
        from starlette.exceptions import HTTPException
        from starlette.routing import Route

        app = Starlette(
            routes=[
                Route("/predict", self._predict, methods=["POST"]),
                Route("/", self._page, methods=["GET"]),
                Route("/", self._tried, methods=["POST"]),
                Route("/health", self._health, methods=["GET"]),
                Route("/version", self._version, methods=["GET"]),
                Route("/openapi.json", self._openapi, methods=["GET"]),
            ],
            exception_handlers={
                Refusal: _refused,
                HTTPException: _not_there,
                Exception: _broken,
            },
        )
        app.router.redirect_slashes = False
        return app

    async def _predict(self, request: Request) -> Response:
        body = await self._body(request, _JSON)
        wanted = asked(body, self.limits)
        answers, remarks = await self._answered(wanted.rows)
        content: dict[str, Any] = {"answer": answers[0]} if wanted.single else {"answers": answers}
        return _json(content | ({"remarks": list(remarks)} if remarks else {}))

    async def _page(self, request: Request) -> Response:
        return _html(page(self.model.name, self.model.rows.columns()))

    async def _tried(self, request: Request) -> Response:
        columns = self.model.rows.columns()
        body = await self._body(request, form_type(columns))
        values = typed(body, request.headers["content-type"])
        try:
            answers, remarks = await self._answered([self.model.rows.row_of(values)])
        except Refusal as error:
            told = page(self.model.name, columns, values, complaint=error.sentence)
            return _html(told, error.status)
        return _html(page(self.model.name, columns, values, answers[0], remarks))

    async def _health(self, request: Request) -> Response:
        return _json({"status": "ok"})

    async def _version(self, request: Request) -> Response:
        return _json(
            {
                "kerasnas": __version__,
                "keras": keras.__version__,
                "model": self.model.name,
                "sha256": self.digest,
            }
        )

    async def _openapi(self, request: Request) -> Response:
        return _json(describe(self.model, self.limits))

    async def _body(self, request: Request, wanted: str) -> bytes:
        """The body of a request, of the type that is wanted.

        Raises:
            Refusal: If it has another type, is too large, or does not come in time.
        """
        given = request.headers.get("content-type", "").split(";")[0].strip().lower()
        if given != wanted:
            raise Refusal(
                415,
                f"The content type is {ascii(given[:100]) if given else 'missing'}, expected "
                f"`{wanted}`. Send the header `Content-Type: {wanted}`.",
            )
        most, parts, size = self.limits.most_bytes, [], 0
        try:
            async with asyncio.timeout(self.limits.seconds):
                async for part in request.stream():
                    size += len(part)
                    if size > most:
                        raise Refusal(
                            413,
                            f"The body has more than {most:,} bytes, which is the most that this "
                            "server takes. Send the rows in parts.",
                        )
                    parts.append(part)
        except TimeoutError:
            raise Refusal(
                408,
                f"The body did not arrive within {self.limits.seconds:g} seconds. Send it again.",
            ) from None
        return b"".join(parts)

    async def _answered(self, rows: list[Any]) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
        """The answers to some rows, from the thread that has the model.

        Raises:
            Refusal: If the rows do not fit, or there is no answer in time.
        """
        # Work that nobody waits for any more still has the thread.
        self.jobs = [job for job in self.jobs if not job.done()]
        if len(self.jobs) >= self.limits.waiting:
            raise Refusal(429, f"{len(self.jobs)} requests are waiting already. Try again later.")
        job = self.thread.submit(self.model.answers, rows)
        self.jobs.append(job)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(job), self.limits.seconds)
        except TimeoutError:
            raise Refusal(
                413,
                f"The answers took more than {self.limits.seconds:g} seconds. Send fewer rows.",
            ) from None


def _check_packages() -> None:
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise MissingPackageError(
            f"Serving needs the packages {', '.join(missing)}. Install them with "
            "`pip install 'kerasnas[serve]'`."
        )


async def _refused(request: Request, error: Any) -> Response:
    return _json({"error": error.sentence}, error.status)


async def _not_there(request: Request, error: Any) -> Response:
    return _json({"error": _sentence_of(error.status_code)}, error.status_code)


async def _broken(request: Request, error: Exception) -> Response:
    log.error("A request failed.", exc_info=error)
    return _json({"error": "The server failed. Its log says why."}, 500)


def _sentence_of(status: int) -> str:
    """What is wrong with a request that has no route."""
    if status == 405:
        return "This path does not take this method. `POST /predict` takes rows, the others GET."
    return (
        "There is nothing at this path. The paths are `/predict`, `/health`, `/version`, "
        "`/openapi.json` and `/`."
    )


def _json(content: Any, status: int = 200) -> Response:
    from starlette.responses import Response

    body = json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Response(body, status, headers=_SAFE, media_type=_JSON)


def _html(content: str, status: int = 200) -> Response:
    from starlette.responses import Response

    return Response(content, status, headers=_SAFE, media_type="text/html")
