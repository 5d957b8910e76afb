"""The web application: slices' handlers wired to one database, clock and log."""

from litestar import get
from litestar.datastructures import State

from credit.kit.errors import Overloaded

__all__ = ["create_app"]

BODY_BYTES_MAX = 4 * 1024 * 1024


@get(
    "/health/live", operation_id="live", summary="进程在运行", tags=["health"], sync_to_thread=False
)
def live() -> dict[str, str]:
    """Answer while the process runs."""
    return {"status": "ok"}


@get("/health/ready", operation_id="ready", summary="可以接受请求", tags=["health"])
async def ready(state: State) -> dict[str, str]:
    """Answer when the database does; 503 otherwise."""
    try:
        await state.db.pool.fetchval("SELECT 1", timeout=2)
    except Exception as error:
        raise Overloaded("数据库暂时不可用，请稍后重试。", slug="database-down") from error
    return {"status": "ok"}


def create_app(settings: Settings, url: str, clock: Clock | None = None) -> Litestar:
    """Build the application over the database at `url`; nothing is opened before it starts."""
    db = Database(url, size_max=settings.database_pool_max)

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with db:
            app.state.db = db
            yield

    return Litestar(
        route_handlers=[live, ready, metrics],
        plugins=[ProblemsPlugin()],
        middleware=[RequestTelemetry()],
        lifespan=[lifespan],
        state=State({"clock": clock or SystemClock(), "settings": settings}),
        request_max_body_size=BODY_BYTES_MAX,
    )
