import { dirname } from 'node:path';
import { mendMismatch } from '../client/daemon-status.ts';
import { workspaceOf, type DaemonHealthName, type FleetMember } from '../client/fleet.ts';
import { shellWord } from '../core/shell-word.ts';
import { sharingFailure } from '../core/sharing.ts';
import { VERSION } from '../core/version.ts';
import type { DiskSpace } from '../platform/file-system.ts';
import { socketLinkPath } from '../place/workspace-files.ts';

/** One element of `bd daemons list --json`. */
export interface DaemonEntry {
  workspace: string;
  database_path?: string;
  socket_path: string;
  pid?: number;
  version?: string;
  /** RFC 3339; the daemon's own word. */
  started?: string;
  status: DaemonHealthName;
  /** Present when it answered. */
  uptime_seconds?: number;
  /** What is wrong; absent when healthy. */
  issue?: string;
  version_mismatch?: boolean;
}

/** `bd daemons health --json` as it is. */
export interface HealthReport {
  healthy: boolean;
  issues: HealthIssue[];
  total: number;
  healthy_count: number;
  stale: number;
  mismatched: number;
  unresponsive: number;
  orphan: number;
  daemons: DaemonEntry[];
}

export type HealthIssueName =
  | 'version_mismatch'
  | 'stale_socket'
  | 'unresponsive'
  | 'sync_failing'
  | 'store_corrupt'
  | 'disk_low'
  | 'orphan';

export interface HealthIssue {
  workspace: string;
  issue: HealthIssueName;
  /** What is known of it, in words. */
  detail: string;
  daemon_version: string | null;
  cli_version: string;
  /** The one command that mends it. */
  recommendation: string;
}

/** What the workspace's files and disk say, which no daemon is asked for. */
export interface Surroundings {
  /** What is wrong with the store; undefined when nothing is, or nobody can tell. */
  storeDamage: string | undefined;
  disk: DiskSpace | undefined;
}

export function describeMember(member: FleetMember): DaemonEntry {
  const { health, beadsDir, socketPath, pid, registered, answer, issue } = member;
  const version = answer?.version ?? registered?.version;
  const started = answer?.started_at ?? registered?.started_at;
  const link = beadsDir === undefined ? (socketPath ?? '') : socketLinkPath(beadsDir);
  return {
    workspace: workspaceOf(member),
    ...(registered === undefined ? {} : { database_path: registered.database_path }),
    socket_path: link,
    ...(pid === undefined ? {} : { pid }),
    ...(version === undefined ? {} : { version }),
    ...(started === undefined ? {} : { started }),
    status: health,
    ...(answer === undefined ? {} : { uptime_seconds: answer.uptime_ms / 1000 }),
    ...(issue === undefined ? {} : { issue }),
    ...(health === 'mismatched' ? { version_mismatch: true } : {}),
  };
}

export function reportHealth(
  members: readonly FleetMember[],
  surroundingsOf: (member: FleetMember) => Surroundings,
): HealthReport {
  const issues = members.flatMap((member) => [
    ...issuesOfDaemon(member),
    ...issuesAround(member, surroundingsOf(member)),
  ]);
  const count = (name: DaemonHealthName): number =>
    members.filter(({ health }) => health === name).length;
  return {
    healthy: issues.length === 0,
    issues,
    total: members.length,
    healthy_count: count('healthy'),
    stale: count('stale'),
    mismatched: count('mismatched'),
    unresponsive: count('unresponsive'),
    orphan: count('orphan'),
    daemons: members.map(describeMember),
  };
}

function issuesOfDaemon(member: FleetMember): HealthIssue[] {
  const { health, answer, pid, issue: detail = '' } = member;
  const target = shellWord(workspaceOf(member) || String(pid ?? ''));
  const here = answer && sharingFailure(answer.sync);
  const sharing =
    here === undefined
      ? []
      : [
          issueOf(member, 'sync_failing', {
            detail: here,
            command: `bd --directory ${target} sync`,
          }),
        ];
  switch (health) {
    case 'healthy':
      return sharing;
    case 'mismatched': {
      const restart = `bd daemons restart ${target}`;
      const command = mendMismatch(answer?.version ?? '', { restart });
      return [issueOf(member, 'version_mismatch', { detail, command }), ...sharing];
    }
    case 'stale':
      // Looking at them once is all that it takes: what is gone is then forgotten.
      return [issueOf(member, 'stale_socket', { detail, command: 'bd daemons list' })];
    case 'unresponsive':
      return [
        issueOf(member, 'unresponsive', { detail, command: `bd daemons stop --force ${target}` }),
      ];
    case 'orphan': {
      const command = `bd daemons stop --force ${pid ?? target}`;
      return [issueOf(member, 'orphan', { detail, command })];
    }
    default:
      return health satisfies never;
  }
}

function issuesAround(member: FleetMember, { storeDamage, disk }: Surroundings): HealthIssue[] {
  const { beadsDir } = member;
  const workspace = shellWord(workspaceOf(member));
  const issues: HealthIssue[] = [];
  if (storeDamage !== undefined) {
    const command = `bd daemons restart ${workspace}`;
    issues.push(issueOf(member, 'store_corrupt', { detail: storeDamage, command }));
  }
  if (disk?.isLow === true && beadsDir !== undefined) {
    const detail = `${disk.megabytes} MB are free on its disk`;
    issues.push(
      issueOf(member, 'disk_low', { detail, command: `df -h ${shellWord(dirname(beadsDir))}` }),
    );
  }
  return issues;
}

function issueOf(
  member: FleetMember,
  issue: HealthIssueName,
  { detail, command }: { detail: string; command: string },
): HealthIssue {
  return {
    workspace: workspaceOf(member),
    issue,
    detail,
    daemon_version: member.answer?.version ?? member.registered?.version ?? null,
    cli_version: VERSION,
    recommendation: command,
  };
}
