import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { parts } from '../parts.ts';
import { staff } from '../users/users.service.ts';
import { cases } from './cases.ts';
import { regionOf } from './regions.ts';

/** Tells the page what to show. The page itself is in `public`. */
@ApiTags('page')
@Controller('page')
export class PageController {
  readonly #code = Object.fromEntries(
    cases.map(({ id, files }) => [id, files.map((file) => ({ file, text: regionOf(file, id) }))]),
  );

  @Get()
  content() {
    return { parts, staff, cases, code: this.#code };
  }
}
