import { HttpException, Injectable } from '@nestjs/common';
import { Task } from 'nestjs-background-tasks';

/** What tasks have done, in order. */
export const done: string[] = [];

/** How often `flaky` still fails. */
export const failures = { left: 0 };

/** Sends mail by tasks of the process. */
@Injectable()
export class Mailer {
  readonly host = 'localhost';

  @Task()
  async sendWelcome(email: string) {
    await Promise.resolve();
    done.push(`welcome ${email} from ${this.host}`);
    return `sent to ${email}`;
  }

  @Task()
  sendBill(email: string, bill: { total: number; items: string[] }) {
    done.push(`bill ${email} ${bill.total}`);
  }

  @Task()
  bounce(email: string): void {
    throw new RangeError(`no mailbox ${email}`);
  }

  @Task()
  refuse(): void {
    throw new HttpException({ statusCode: 422, message: 'not an address' }, 422);
  }
}

/** Makes reports by durable tasks. */
@Injectable()
export class Reports {
  @Task({ queue: 'reports' })
  build(month: string) {
    done.push(`report ${month}`);
    return { month, at: new Date(0) };
  }

  @Task({ queue: 'reports' })
  publish(report: { month: string; at: Date }, to: string) {
    done.push(`published ${report.month} ${report.at instanceof Date} to ${to}`);
    return to;
  }

  @Task({ queue: 'reports' })
  collect(reports: { month: string }[]) {
    return reports.map(({ month }) => month).join('+');
  }

  @Task({ queue: 'reports', attempts: 3, backoff: { type: 'exponential', delay: 60_000 } })
  flaky() {
    done.push('flaky');
    if (failures.left > 0) {
      failures.left--;
      throw new RangeError('not yet');
    }
    return 'done';
  }

  @Task({ queue: 'reports', attempts: 3, retryIf: (error) => !(error instanceof TypeError) })
  misread(): void {
    done.push('misread');
    throw new TypeError('no report');
  }

  @Task({ queue: 'reports' })
  refuse(): void {
    throw new HttpException('no such month', 404);
  }

  @Task({ queue: 'reports', repeat: { pattern: '0 3 * * *' } })
  nightly() {
    done.push('nightly');
    if (failures.left > 0) {
      failures.left--;
      throw new RangeError('no data');
    }
    return 'built';
  }
}
