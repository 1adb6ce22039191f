import type { Finding } from '../../core/finding.ts';
import { shellWord } from '../../core/shell-word.ts';
import { readCrashReport } from '../crash-report.ts';
import { crashReportPath } from '../../place/workspace-files.ts';
import { mendMismatch, type DaemonStatus } from '../daemon-status.ts';
import { readLastStart } from '../start-failure.ts';

/** That no daemon runs is in order: the next command starts one, or somebody asked for none. */
export function checkDaemon(beadsDir: string, daemon: DaemonStatus): Finding {
  const base = { category: 'Daemon', name: 'Daemon' } as const;
  const { status, pid, version, issue = '', reason } = daemon;
  switch (status) {
    case 'running':
      return { ...base, status: 'ok', message: `running (PID ${pid}, version ${version})` };
    case 'outdated': {
      const fix = mendMismatch(version ?? '', { restart: 'bd daemon restart' });
      return { ...base, status: 'warning', message: issue, fix };
    }
    case 'unresponsive':
      return {
        ...base,
        status: 'error',
        message: pid === undefined ? issue : `${issue} (process ${pid})`,
        fix: 'bd daemon stop --force',
      };
    case 'not_running': {
      const failed = readLastStart(beadsDir)?.error;
      if (failed === undefined) {
        const message = reason ?? 'not running; the next command starts it';
        return { ...base, status: 'ok', message };
      }
      return {
        ...base,
        status: 'warning',
        message: `the last start failed: ${failed.message}`,
        detail: failed.remedy,
        fix: 'bd daemon start',
      };
    }
    default:
      return status satisfies never;
  }
}

/** The report of a daemon that ended by an error of its own. */
export function checkCrash(beadsDir: string): Finding {
  const base = { category: 'Daemon', name: 'Crashes' } as const;
  const crash = readCrashReport(beadsDir);
  if (crash === undefined) return { ...base, status: 'ok', message: 'none' };
  const path = crashReportPath(beadsDir);
  return {
    ...base,
    status: 'warning',
    message: `a daemon of version ${crash.version} crashed at ${crash.at}: ${crash.message}`,
    detail: `Nothing that was acknowledged is lost. Please report it with ${path}, then remove that file.`,
    fix: `rm ${shellWord(path)}`,
  };
}
