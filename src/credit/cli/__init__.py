"""The command line: `credit …`. Slices are imported inside commands, so that help is quick."""

import click

from credit.cli import events, grade, log, people, points, rules, serving, workbooks

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="credit")
def main() -> None:
    """物业信用服务：事实入日志，规则出等级，人人可复算。"""


main.add_command(serving.demo)
main.add_command(serving.serve)
main.add_command(serving.worker)
main.add_command(serving.migrate)
main.add_command(serving.check)
main.add_command(serving.openapi)
main.add_command(people.group)
main.add_command(workbooks.import_group)
main.add_command(workbooks.export_group)
main.add_command(workbooks.template)
main.add_command(rules.group)
main.add_command(events.group)
main.add_command(grade.group)
main.add_command(grade.evaluation_group)
main.add_command(log.group)
main.add_command(points.group)
