# Tells the hub what happens, a line of JSON an event, on the descriptor that
# VIGIE_EVENTS names. Ansible's own output stays as it is.
from __future__ import annotations

import json
import os
import time

from ansible.plugins.callback import CallbackBase
from ansible.release import __version__

DOCUMENTATION = """
name: vigie
type: notification
short_description: events of a run, a line of JSON each
description: Writes what happens to the descriptor that VIGIE_EVENTS names.
"""

MESSAGE, DIFF = 4096, 32768


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "vigie"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        self.out = os.fdopen(int(os.environ["VIGIE_EVENTS"]), "w", buffering=1, encoding="utf-8", errors="replace")
        self.began = {}
        self.say("start", ansible=__version__)

    def say(self, event, **what):
        what["event"] = event
        what["at"] = time.time()
        try:
            self.out.write(json.dumps(what, default=str) + "\n")
        except OSError:
            pass  # the hub is gone, and with it whoever would read this

    def v2_playbook_on_play_start(self, play):
        self.say("play", name=play.get_name().strip())

    def task(self, task):
        self.say("task", id=str(task._uuid), name=task.get_name().strip(), action=str(task.action), path=str(task.get_path() or ""))

    def v2_playbook_on_task_start(self, task, is_conditional):
        self.task(task)

    def v2_playbook_on_handler_task_start(self, task):
        self.task(task)

    def v2_playbook_on_cleanup_task_start(self, task):
        self.task(task)

    def v2_runner_on_start(self, host, task):
        self.began[(host.get_name(), task._uuid)] = time.time()
        self.say("began", id=str(task._uuid), host=host.get_name())

    def v2_runner_on_ok(self, result):
        self.result("ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        status = "failed"
        if ignore_errors:
            status = "ignored"
        elif self.lost(result._result):
            status = "unreachable"
        self.result(status, result)

    def lost(self, said):
        # A host that goes away within a task is one that Ansible cannot tidy up
        # on either, and the error of that hides that it is unreachable.
        return "rc" not in said and str(said.get("msg", "")).startswith("Failed to connect to the host via ")

    def v2_runner_on_unreachable(self, result):
        self.result("unreachable", result)

    def v2_runner_on_skipped(self, result):
        self.result("skipped", result)

    def result(self, status, result):
        task, host, said = result._task, result._host.get_name(), result._result
        hidden = bool(task.no_log or said.get("_ansible_no_log"))
        began = self.began.pop((host, task._uuid), None)
        message, diff = "", ""
        if hidden:
            message = "The output is hidden: no_log is set."
        else:
            message, diff = self.words(status, said), self.difference(said, (result._task_fields.get("args") or {}).get("dest"))
        self.say(
            "result", id=str(task._uuid), host=host, status=status, changed=bool(said.get("changed")),
            took=time.time() - began if began else 0, message=message[:MESSAGE], diff=diff[:DIFF],
        )

    def words(self, status, said):
        parts = []
        for one in [said] + [r for r in said.get("results", []) if isinstance(r, dict) and (r.get("failed") or r.get("unreachable"))]:
            if status == "skipped":
                parts.append(str(one.get("skip_reason") or ""))
                continue
            if status == "ok" and not one.get("failed"):
                if one.get("msg") and isinstance(one["msg"], str):
                    parts.append(one["msg"])
                continue
            item = "item %s: " % (one["item"],) if "item" in one else ""
            for key in ("msg", "stderr", "module_stderr", "stdout", "module_stdout", "exception"):
                if one.get(key):
                    parts.append(item + str(one[key]))
                if len(parts) > 20:
                    break
        return "\n".join(p.strip() for p in parts if p and p.strip())

    def difference(self, said, dest):
        parts = []
        for one in [said] + [r for r in said.get("results", []) if isinstance(r, dict)]:
            if one.get("diff") and not one.get("_ansible_no_log"):
                try:
                    parts.append(self._get_diff(self.named(one["diff"], one.get("dest") or dest)))
                except Exception as err:  # a module's own idea of a difference
                    parts.append("the difference cannot be shown: %s" % err)
        return "".join(parts).replace("\x1b[0m", "")

    def named(self, diff, dest):
        # What Ansible made on the hub for the moment has a name that says
        # nothing; who reads wants to know which file of the server it is.
        parts = []
        for one in diff if isinstance(diff, list) else [diff]:
            if isinstance(one, dict) and str(one.get("after_header", "")).startswith(os.environ["ANSIBLE_LOCAL_TEMP"]):
                one = dict(one, after_header=dest) if dest else {k: v for k, v in one.items() if k != "after_header"}
            parts.append(one)
        return parts

    def v2_playbook_on_no_hosts_matched(self):
        self.say("nohosts")

    def v2_playbook_on_stats(self, stats):
        self.say("stats", hosts={h: stats.summarize(h) for h in stats.processed})
