import { ApiProperty } from '@nestjs/swagger';
import { IsEmail, IsString, Length } from 'class-validator';

export class SignUpDto {
  @ApiProperty({ example: 'Ada Lovelace' })
  @IsString()
  @Length(1, 80)
  name!: string;

  @ApiProperty({ example: 'ada@example.com' })
  @IsEmail()
  email!: string;

  @ApiProperty({ example: 'a good password' })
  @IsString()
  @Length(8, 200)
  password!: string;
}
