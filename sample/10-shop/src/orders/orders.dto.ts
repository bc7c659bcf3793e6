import { ApiProperty } from '@nestjs/swagger';
import { IsEmail, IsInt, Max, Min } from 'class-validator';

export class OrderDto {
  @ApiProperty({ example: 1 })
  @IsInt()
  productId!: number;

  @ApiProperty({ example: 2 })
  @IsInt()
  @Min(1)
  @Max(1_000)
  quantity!: number;

  @ApiProperty({ example: 'ada@example.com' })
  @IsEmail()
  email!: string;
}
