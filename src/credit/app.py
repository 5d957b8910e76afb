"""The web application: slices' handlers wired to one database, clock and set of logs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from litestar import Litestar, Router, get
from litestar.datastructures import State
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from credit.access.guard import KnownCaller, TrailMiddleware, guard, limit_sign_ins, page_guard
from credit.access.pages import (
    AccountPages,
    ClientPages,
    ConsolePeoplePages,
    IdentityPages,
    IdentitySignInPages,
    InvitationPages,
    PasskeyPages,
    PasskeySignInPages,
    PortalPeoplePages,
    SignInPages,
    TrailPages,
)
from credit.access.service.oidc import provider_of
from credit.access.views import CHANNEL as ACCESS_CHANNEL
from credit.background import run_background
from credit.blacklist.api import (
    BoardController,
    BoardDraftController,
    EntryController,
    ExchangeController,
    GateController,
    ListController,
    OwnEntryController,
)
from credit.blacklist.pages import (
    BoardScorePages,
    ConsoleBoardPages,
    ConsoleEntryPages,
    ConsoleListPages,
    ExchangePages,
    GatePages,
    ListPublicationPages,
    PortalListPages,
    ProposalPages,
    PublicBoardPages,
    PublicListPages,
)
from credit.contracts.api import ContractController, DutyController, IndicatorController
from credit.contracts.pages import CONTRACT_PAGES
from credit.contracts.papers.logic import read_roots
from credit.earning.api import (
    ActivityController,
    AwardController,
    ParticipationController,
    PostingController,
    TransferController,
    WalletController,
)
from credit.earning.pages import EARNING_PAGES, own_section
from credit.evaluations.api import EvaluationController
from credit.evaluations.pages import ClosingPages, ConsoleEvaluationPages, EvaluationListPages
from credit.events.api import EventController
from credit.events.course.api import CourseController
from credit.events.pages import (
    CoursePages,
    DecisionPages,
    EntryPages,
    EventListPages,
    PortalApplicationPages,
    PortalFactPages,
    PortalRepairPages,
    RepairPages,
    SuggestionPages,
)
from credit.events.repair.api import RepairController
from credit.events.service import Intake
from credit.grades.api import EnterpriseController, QueryController, RunController
from credit.grades.pages import (
    AnswerPages,
    ConfirmationPages,
    ConsoleEnterprisePages,
    ConsoleExportPages,
    ConsoleQueryPages,
    ConsoleRunPages,
    PortalGradePages,
    PublicPages,
    QueryPages,
    RulePages,
)
from credit.grades.views import CHANNEL as GRADES_CHANNEL
from credit.kit.blobs import BlobStore
from credit.kit.clock import Clock, SystemClock
from credit.kit.db import Database
from credit.kit.errors import Overloaded
from credit.kit.hearing import Heard, Hearing
from credit.kit.limits import Rates
from credit.kit.pages import Languages, SameOrigin
from credit.kit.passwords import Passwords
from credit.kit.problems import ProblemsPlugin
from credit.kit.telemetry import RequestTelemetry, metrics
from credit.kit.texts import say
from credit.log.api import KeyController, LogController
from credit.log.keys.listing import count_live
from credit.log.pages import ConsoleKeyPages, KeyPages, LogPages
from credit.logs import Logs
from credit.market.api import (
    OfferController,
    PointIndicatorController,
    RedemptionController,
    SettlementController,
    WebhookController,
)
from credit.market.pages import MARKET_PAGES
from credit.market.views import CHANNEL as MARKET_CHANNEL
from credit.market.views import MerchantView
from credit.points.service.posting import Writers
from credit.settings import Settings
from credit.terms.pages import TermPages
from credit.web.contract_letters import CONTRACT_LETTERS
from credit.web.contract_papers import PAPER_PAGES
from credit.web.desk import DeskPages
from credit.web.fact_letters import (
    console_fact_letter,
    console_repair_letter,
    portal_fact_letter,
    portal_repair_letter,
)
from credit.web.imports import IMPORT_PAGES
from credit.web.list_letters import console_list_letter, portal_list_letter
from credit.web.pages import choose_language, front_door
from credit.web.participation_import import ParticipationImportPages
from credit.web.points import BankPages, CampaignPages, PointIndicatorPages
from credit.web.problems import refused_page
from credit.web.reports import console_report, portal_report
from credit.web.saved import SavedViewPages
from credit.web.settlement_letters import console_statement, till_statement
from credit.web.shell import make_pages, static_files
from credit.web.uploads import Uploads
from credit.web.wallet import CodePages, WalletPages

__all__ = ["create_app", "make_state"]

# What is printed.
PRINTS = (
    console_list_letter,
    portal_list_letter,
    portal_report,
    console_report,
    *CONTRACT_LETTERS,
    console_fact_letter,
    console_repair_letter,
    portal_fact_letter,
    portal_repair_letter,
    console_statement,
    till_statement,
)
# What stands before pages: machines send no cookies, and read Chinese.
FOR_PEOPLE = (SameOrigin(), Languages())
BODY_BYTES_MAX = 4 * 1024 * 1024
# How many answers and callers a process keeps ready.
ANSWERS_KEPT = 50_000
CALLERS_KEPT = 5_000


@get("/health/live", operation_id="live", summary="进程在运行", tags=["health"],
     sync_to_thread=False)  # fmt: skip
def live() -> dict[str, str]:
    """Answer while the process runs."""
    return {"status": "ok"}


@get("/health/ready", operation_id="ready", summary="可以接受请求", tags=["health"])
async def ready(state: State) -> dict[str, str]:
    """Answer when the database does; 503 otherwise."""
    try:
        await state.db.pool.fetchval("SELECT 1", timeout=2)
    except Exception as error:
        raise Overloaded(say("数据库暂时不可用，请稍后重试。"), slug="database-down") from error
    return {"status": "ok"}


def _interface() -> Router:
    """The JSON interface, for machines with keys."""
    return Router(
        "/api/v1/{city:str}",
        route_handlers=[
            EventController,
            CourseController,
            RepairController,
            EvaluationController,
            ContractController,
            DutyController,
            IndicatorController,
            EnterpriseController,
            QueryController,
            RunController,
            ListController,
            EntryController,
            OwnEntryController,
            BoardController,
            BoardDraftController,
            ExchangeController,
            GateController,
            KeyController,
            ActivityController,
            AwardController,
            ParticipationController,
            PostingController,
            TransferController,
            WalletController,
            RedemptionController,
            OfferController,
            SettlementController,
            WebhookController,
            PointIndicatorController,
        ],
        before_request=guard,
    )


def _pages() -> Router:
    """A city's pages, for people."""
    return Router(
        "/{city:str}",
        route_handlers=[
            AccountPages,
            PasskeyPages,
            IdentityPages,
            KeyPages,
            LogPages,
            PublicPages,
            RulePages,
            AnswerPages,
            QueryPages,
            ConsolePeoplePages,
            PortalPeoplePages,
            ClientPages,
            ConsoleKeyPages,
            TrailPages,
            DeskPages,
            SavedViewPages,
            ConsoleEnterprisePages,
            ConsoleRunPages,
            ConfirmationPages,
            ConsoleExportPages,
            ConsoleQueryPages,
            EventListPages,
            TermPages,
            *PAPER_PAGES,
            EntryPages,
            DecisionPages,
            CoursePages,
            RepairPages,
            SuggestionPages,
            EvaluationListPages,
            ConsoleEvaluationPages,
            ClosingPages,
            *IMPORT_PAGES,
            ParticipationImportPages,
            PortalFactPages,
            PortalApplicationPages,
            PortalRepairPages,
            PortalGradePages,
            *CONTRACT_PAGES,
            *EARNING_PAGES,
            PublicListPages,
            PublicBoardPages,
            ConsoleListPages,
            ProposalPages,
            ConsoleEntryPages,
            ListPublicationPages,
            ConsoleBoardPages,
            BoardScorePages,
            GatePages,
            ExchangePages,
            PortalListPages,
            BankPages,
            CampaignPages,
            PointIndicatorPages,
            WalletPages,
            CodePages,
            *MARKET_PAGES,
            *PRINTS,
        ],
        before_request=page_guard,
        middleware=FOR_PEOPLE,
        include_in_schema=False,
    )


def _outside() -> Router:
    """What belongs to no city."""
    return Router(
        "/",
        route_handlers=[front_door, choose_language],
        middleware=FOR_PEOPLE,
        include_in_schema=False,
    )


def _front_doors() -> Router:
    """Where people come in, of whom nobody knows yet who they are."""
    return Router(
        "/",
        route_handlers=[SignInPages, PasskeySignInPages, IdentitySignInPages, InvitationPages],
        guards=[limit_sign_ins],
        middleware=FOR_PEOPLE,
        include_in_schema=False,
    )


def make_state(settings: Settings, url: str, clock: Clock) -> State:
    """Gather what handlers share, by the names they ask for; nothing is opened by it."""
    db = Database(url, size_max=settings.database_pool_max)
    hearing = Hearing((GRADES_CHANNEL, ACCESS_CHANNEL, MARKET_CHANNEL))
    return State(
        {
            "db": db,
            "clock": clock,
            "settings": settings,
            "logs": Logs(settings),
            "intake": Intake(db, clock),
            "writers": Writers(db, clock),
            "count_live_keys": count_live,
            "own_sections": (own_section,),
            "hearing": hearing,
            "grade_cache": Heard[bytes](hearing, GRADES_CHANNEL, ANSWERS_KEPT),
            "callers": Heard[KnownCaller](hearing, ACCESS_CHANNEL, CALLERS_KEPT),
            "merchants": Heard[MerchantView](hearing, MARKET_CHANNEL, CALLERS_KEPT),
            "esign_roots": read_roots(settings.esign_roots),
            "blobs": BlobStore(Path(settings.data_dir) / "files"),
            "uploads": Uploads(Path(settings.data_dir) / "uploads"),
            "passwords": Passwords(),
            "identity_provider": provider_of(settings, clock),
            "rates": Rates(),
            "pages": make_pages(settings),
        }
    )


def create_app(settings: Settings, url: str, *, background: bool = True) -> Litestar:
    """Build the application over the database at `url`; nothing is opened before it starts.

    With `background` the process also does what `credit worker` does.
    """

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        state = app.state
        async with state.db:
            tasks = [asyncio.create_task(state.hearing.listen(state.db))]
            if background:
                work = run_background(state.db, state.clock, state.logs, settings, state.writers)
                tasks.append(asyncio.create_task(work))
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                for task in tasks:
                    with suppress(asyncio.CancelledError):
                        await task
                await state.writers.close()

    return Litestar(
        route_handlers=[
            live,
            ready,
            metrics,
            _interface(),
            LogController,
            _outside(),
            _front_doors(),
            _pages(),
            static_files(),
        ],
        plugins=[ProblemsPlugin(refused_page)],
        middleware=[RequestTelemetry(), TrailMiddleware()],
        lifespan=[lifespan],
        openapi_config=OpenAPIConfig(
            title="物业信用服务接口",
            version="1",
            description="事实签名入日志，等级可以复算和离线验证。示例规则包不是任何城市的正式办法。",
            path="/schema",
            render_plugins=[JsonRenderPlugin()],
        ),
        state=make_state(settings, url, SystemClock()),
        request_max_body_size=BODY_BYTES_MAX,
        logging_config=None,  # the command that serves has configured it
    )
