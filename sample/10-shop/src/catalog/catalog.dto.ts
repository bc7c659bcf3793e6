import { ApiProperty } from '@nestjs/swagger';
import { IsInt, Max, Min } from 'class-validator';

export class PriceDto {
  /** In cents. */
  @ApiProperty({ example: 1_350 })
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  price!: number;
}

export class ReviewDto {
  @ApiProperty({ example: 5 })
  @IsInt()
  @Min(1)
  @Max(5)
  stars!: number;
}
