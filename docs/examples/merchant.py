"""A till in a page: hold the points of a customer's code, then take them. `--help` says how."""

import argparse
import secrets
import sys

from credit.client import Merchant, Problem, UnreachableError


def main() -> int:
    """Redeem a code once; 0 when the points were taken, 1 when refused, 2 when nobody answered."""
    parser = argparse.ArgumentParser(description="收取一次积分兑换")
    parser.add_argument(
        "--base-url", required=True, help="服务地址，例如 https://credit.example.cn"
    )
    parser.add_argument("--city", required=True, help="六位城市代码")
    parser.add_argument("--key", required=True, help="商户的接口密钥")
    parser.add_argument("--code", required=True, help="顾客在钱包里出示的付款码")
    parser.add_argument("--amount", required=True, type=int, help="积分数额")
    parser.add_argument("--offer", help="权益编号；不按权益兑换的不填")
    parser.add_argument("--reference", help="您自己的小票号")
    given = parser.parse_args()
    reference = given.reference or f"till-{secrets.token_hex(4)}"

    with Merchant(given.base_url, given.city, given.key) as merchant:
        try:
            redemption = merchant.authorize(given.code, given.amount, reference, given.offer)
            print(
                f"已保留 {redemption.amount} 积分，到 {redemption.expires_at} 为止：{redemption.id}"
            )
            redemption = merchant.capture(redemption)
        except Problem as refused:
            print(f"没有成交（{refused.slug}）：{refused.detail}", file=sys.stderr)
            if "amount_max" in refused.allowed:
                print(f"现在最多可以用 {refused.allowed['amount_max']} 积分", file=sys.stderr)
            return 1
        except UnreachableError as silent:
            print(f"没有回答：{silent}。", file=sys.stderr)
            print(f"联网后用同一个键查明结果：{silent.idempotency_key}", file=sys.stderr)
            return 2
    print(f"已收取 {redemption.captured} 积分，小票号 {reference}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
