import { Inject, Injectable, Logger } from '@nestjs/common';
import { stackOf } from '../../util/error-text.ts';
import { canActThrew, fromElsewhere, mayNotAct } from '../dashboard.messages.ts';
import { DashboardSettings } from '../dashboard.options.ts';
import { ApiError } from './api-error.ts';
import type { Exchange } from './exchange.ts';
import { isSameOrigin } from './same-origin.ts';

/** Injection token: whether every request that the guards let in may act. */
export const GUARDED_MAY_ACT = Symbol('GUARDED_MAY_ACT');

/** Decides which requests may change something. */
@Injectable()
export class MayAct {
  readonly #logger = new Logger('BackgroundTasks');

  constructor(
    @Inject(DashboardSettings) private readonly settings: DashboardSettings,
    @Inject(GUARDED_MAY_ACT) private readonly byDefault: boolean,
  ) {}

  async ask({ platformRequest }: Exchange): Promise<boolean> {
    const { canAct } = this.settings;
    if (!canAct) {
      return this.byDefault;
    }
    try {
      // Only `true` allows the action: any other value may be a mistake.
      const answer: unknown = await canAct(platformRequest as never);
      return answer === true;
    } catch (error) {
      this.#logger.error(canActThrew(), stackOf(error));
      return false;
    }
  }

  /** @throws ApiError */
  async assert(exchange: Exchange): Promise<void> {
    if (!isSameOrigin(exchange.request.headers)) {
      throw new ApiError(403, 'CROSS_ORIGIN', fromElsewhere());
    }
    if (!(await this.ask(exchange))) {
      throw new ApiError(403, 'READ_ONLY', mayNotAct());
    }
  }
}
