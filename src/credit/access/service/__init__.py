"""Use cases of access: people, machines' keys, signing in, the trail."""

from credit.access.service.clients import authenticate, issue_key
from credit.access.service.people import (
    actor_named,
    actor_of,
    add_organisation,
    add_person,
    names_of,
    organisation_name,
    people,
    posts_of,
    roles_of,
    staffed_districts,
)
from credit.access.service.signin import (
    begin_session,
    check_password_of,
    confirm_session,
    drop_token,
    end_session,
    end_session_named,
    purge_sessions,
    sessions_of,
    set_password,
    sign_in,
    visitor_of,
)
from credit.access.service.trail import note_trail, purge_trail, trail_page

__all__ = [
    "actor_named",
    "actor_of",
    "add_organisation",
    "add_person",
    "authenticate",
    "begin_session",
    "check_password_of",
    "confirm_session",
    "drop_token",
    "end_session",
    "end_session_named",
    "issue_key",
    "names_of",
    "note_trail",
    "organisation_name",
    "people",
    "posts_of",
    "purge_sessions",
    "purge_trail",
    "roles_of",
    "sessions_of",
    "set_password",
    "sign_in",
    "staffed_districts",
    "trail_page",
    "visitor_of",
]
